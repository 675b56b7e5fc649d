import type { Log, LogBatch } from '@millrace/core/spi'
import type { Row } from '../queries/index.ts'
import { HashList } from './hash-list.ts'
import type { RowScan } from './row-check.ts'

/** How a system writes the rows of a query. */
export interface OutputForm {
  /** A record replaces the one before with its key, and one without a value deletes it. */
  readonly isUpsert: boolean
  /** The rows in a record. */
  readonly rows: (value: Row) => readonly Row[]
}

export const rowPerRecord: OutputForm = { isUpsert: false, rows: (value) => [value] }
export const latestOfKey: OutputForm = { isUpsert: true, rows: (value) => [value] }

/** Reads what is committed in a topic, up to its present end. */
export async function readCommitted(
  log: Log,
  topic: string,
  partitions: number,
  visit: (batch: LogBatch, at: number) => void,
): Promise<void> {
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }))
  const ends = await log.offsets(all, 'latest')
  const waiting = new Set(all.filter((_, at) => (ends[at] as number) > 0).map(({ partition }) => partition))
  let wake = (): void => {}
  const reader = log.createReader({ maxBufferedBytes: 32 * 1024 * 1024, onAvailable: () => wake() })
  reader.add([...waiting].map((partition) => ({ topic, partition, offset: 0 })))
  try {
    while (waiting.size > 0) {
      const available = new Promise<void>((resolve) => {
        wake = resolve
      })
      const batch = reader.take()
      if (batch === undefined) {
        await available
        continue
      }
      for (let at = 0; at < batch.count; at++) visit(batch, at)
      if (batch.nextOffset >= (ends[batch.partition] as number)) waiting.delete(batch.partition)
    }
  } finally {
    await reader.close()
  }
}

/** The hashes of the rows that a topic holds. */
export async function outputHashes(
  log: Log,
  topic: string,
  partitions: number,
  form: OutputForm,
  hashOf: (row: Row) => number,
): Promise<HashList> {
  const hashes = new HashList()
  const latest = new Map<string, readonly number[]>()
  await readCommitted(log, topic, partitions, (batch, at) => {
    const value = parse(batch, at)
    if (!form.isUpsert) {
      if (value !== null) for (const row of form.rows(value)) hashes.push(hashOf(row))
      return
    }
    const key = batch.buffer.toString('latin1', batch.keyStarts[at], batch.keyEnds[at])
    if (value === null) latest.delete(key)
    else latest.set(key, form.rows(value).map(hashOf))
  })
  for (const rows of latest.values()) for (const row of rows) hashes.push(row)
  return hashes
}

/** All rows of a topic, those too that were replaced later. */
export function outputScan(log: Log, topic: string, partitions: number, form: OutputForm): RowScan {
  return (visit) =>
    readCommitted(log, topic, partitions, (batch, at) => {
      const value = parse(batch, at)
      if (value !== null) for (const row of form.rows(value)) visit(row)
    })
}

function parse(batch: LogBatch, at: number): Row | null {
  const start = batch.valueStarts[at] as number
  return start < 0 ? null : (JSON.parse(batch.buffer.toString('utf8', start, batch.valueEnds[at])) as Row)
}
