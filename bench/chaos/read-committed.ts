import type { Log, Serde } from '@millrace/core/spi'
import { PARTITIONS } from './events.ts'

/**
 * All committed records of a topic, up to its present end. Read with the log's own reader, which its contract suite tests
 * against aborted transactions: kafkajs 2.2.4 lets records of aborted transactions through where those of several
 * producers interleave.
 */
export async function readCommitted<T>(log: Log, topic: string, serde: Serde<T>): Promise<T[]> {
  const all = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition }))
  const ends = await log.offsets(all, 'latest')
  const waiting = new Set(all.filter((_, at) => (ends[at] as number) > 0).map(({ partition }) => partition))
  const rows: T[] = []
  let wake = (): void => {}
  const reader = log.createReader({ maxBufferedBytes: 32 * 1024 * 1024, onAvailable: () => wake() })
  reader.add([...waiting].map((partition) => ({ topic, partition, offset: 0 })))
  while (waiting.size > 0) {
    const available = new Promise<void>((resolve) => {
      wake = resolve
    })
    const batch = reader.take()
    if (batch === undefined) {
      await available
      continue
    }
    for (let at = 0; at < batch.count; at++) {
      rows.push(serde.decode(batch.buffer, batch.valueStarts[at] as number, batch.valueEnds[at] as number))
    }
    if (batch.nextOffset >= (ends[batch.partition] as number)) waiting.delete(batch.partition)
  }
  await reader.close()
  return rows
}
