import type { memoryLog } from '@millrace/core'
import { silentLogger } from '@millrace/core'
import { type LogProvider, systemClock } from '@millrace/core/spi'
import { answers } from '../../nexmark/answers/index.ts'
import type { NexmarkEvent } from '../../nexmark/events.ts'
import { NexmarkGenerator } from '../../nexmark/generator.ts'
import { type QueryName, queries } from '../../nexmark/queries/index.ts'
import { latestOfKey, outputHashes, outputScan, rowPerRecord } from '../../nexmark/verify/output-rows.ts'
import { type Difference, RowCheck } from '../../nexmark/verify/row-check.ts'

export type Storage = ReturnType<typeof memoryLog>['storage']

export const PARTITIONS = 4

/** The first events of the benchmark, spread over so much event time. */
export function sample(count: number, ratePerSecond: number): NexmarkEvent[] {
  const generator = new NexmarkGenerator({ seed: 7, ratePerSecond, startMs: 1_700_000_000_000 })
  return Array.from({ length: count }, () => generator.next())
}

/** Fills a topic, in batches of so many events for each partition. */
export function fill(storage: Storage, topic: string, events: readonly NexmarkEvent[], batch: number): void {
  storage.createTopic(topic, PARTITIONS)
  const waiting = Array.from({ length: PARTITIONS }, (): { value: Buffer; timestamp: number }[] => [])
  const flush = (partition: number): void => {
    storage.write(topic, partition, waiting[partition] ?? [])
    waiting[partition] = []
  }
  for (const [n, event] of events.entries()) {
    const partition = n % PARTITIONS
    if (waiting[partition]?.push({ value: Buffer.from(JSON.stringify(event)), timestamp: 0 }) === batch)
      flush(partition)
  }
  for (let partition = 0; partition < PARTITIONS; partition++) flush(partition)
}

/** How a query's output topic differs from what its events must give. */
export async function difference(
  provider: LogProvider,
  query: QueryName,
  topic: string,
  events: readonly NexmarkEvent[],
): Promise<Difference> {
  const form = queries[query].key === undefined ? rowPerRecord : latestOfKey
  const check = new RowCheck(answers[query], events)
  const log = provider.create({ clock: systemClock, logger: silentLogger })
  await log.connect()
  try {
    const hashes = await outputHashes(log, topic, PARTITIONS, form, (row) => check.hash(row))
    return await check.compare(hashes, outputScan(log, topic, PARTITIONS, form))
  } finally {
    await log.close()
  }
}
