import { json } from '../../src/index.ts'
import type { Log } from '../../src/log/log.ts'
import { openWriter, readCommitted } from '../contract/log-contract/fixture.ts'

/** Writes values as JSON; `placeOf` says into which partition, and with which time. */
export async function writeJson<T>(
  log: Log,
  topic: string,
  values: readonly T[],
  placeOf: (value: T) => { readonly partition: number; readonly time: number },
): Promise<void> {
  const writer = await openWriter(log, { maxBufferedBytes: 1 << 24 })
  const output = await writer.output(topic)
  const serde = json<T>()
  for (const value of values) {
    const { partition, time } = placeOf(value)
    output.append(partition, time, null, value, serde)
  }
  writer.seal()
  await writer.flush()
  await writer.close()
}

/** What is committed in a topic, sorted, since tasks write side by side. */
export async function sortedRows(log: Log, topic: string, partitions: number): Promise<string[]> {
  const { seen } = await readCommitted(log, topic, partitions)
  return seen.map(({ value }) => value as string).sort()
}

/** Waits, for a minute at most, until a job has committed so many rows or has ended. */
export async function reachRows(
  { done }: { readonly done: Promise<unknown> },
  rows: () => Promise<readonly string[]>,
  atLeast: number,
): Promise<void> {
  const until = Date.now() + 60_000
  while ((await rows()).length < atLeast && Date.now() < until) {
    await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 50))])
  }
}
