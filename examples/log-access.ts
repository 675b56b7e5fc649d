import { setTimeout as delay } from 'node:timers/promises'
import type { Log, Serde } from '@millrace/core/spi'

/** Writes values to a topic, each to the partition of its key, and waits until the log has them. */
export async function writeAll<T>(
  log: Log,
  topic: string,
  values: readonly T[],
  serde: Serde<T>,
  place: (value: T) => { partition: number; timestamp: number },
): Promise<void> {
  let wake = (): void => {}
  const writer = log.createWriter({
    transactionalId: null,
    transactionTimeoutMs: 60_000,
    maxBufferedBytes: 16 * 1024 * 1024,
    onAvailable: () => wake(),
  })
  await writer.init()
  const output = await writer.output(topic)
  for (const value of values) {
    const { partition, timestamp } = place(value)
    output.append(partition, timestamp, null, value, serde)
    while (writer.isFull) {
      await new Promise<void>((resolve) => {
        wake = resolve
        setTimeout(resolve, 100)
      })
      writer.check()
    }
  }
  writer.seal()
  await writer.flush()
  await writer.close()
}

/** All committed values of a topic, up to its present end. */
export async function readAll<T>(log: Log, topic: string, partitions: number, serde: Serde<T>): Promise<T[]> {
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
  const ends = await log.offsets(all, 'latest')
  const waiting = new Set(all.filter((_, at) => (ends[at] ?? 0) > 0).map(({ partition }) => partition))
  const values: T[] = []
  let wake = (): void => {}
  const reader = log.createReader({ maxBufferedBytes: 16 * 1024 * 1024, onAvailable: () => wake() })
  reader.add([...waiting].map((partition) => ({ topic, partition, offset: 0 })))
  while (waiting.size > 0) {
    const batch = reader.take()
    if (batch === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve
        setTimeout(resolve, 100)
      })
      continue
    }
    for (let at = 0; at < batch.count; at++) {
      values.push(serde.decode(batch.buffer, batch.valueStarts[at] ?? 0, batch.valueEnds[at] ?? 0))
    }
    if (batch.nextOffset >= (ends[batch.partition] ?? 0)) waiting.delete(batch.partition)
  }
  await reader.close()
  return values
}

/** Kafka answers a commit before it is visible everywhere: waits until no more output appears. */
export async function settled(log: Log, topics: readonly string[], partitions: number): Promise<void> {
  const all = topics.flatMap((topic) => Array.from({ length: partitions }, (_, partition) => ({ topic, partition })))
  for (let before = -1, now = 0; before !== now; ) {
    before = now
    await delay(500)
    now = (await log.offsets(all, 'latest')).reduce((sum, end) => sum + end, 0)
  }
}
