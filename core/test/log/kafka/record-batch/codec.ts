import { BatchBuilder } from '../../../../src/log/kafka/record-batch/batch-builder.ts'
import type { Compression } from '../../../../src/log/kafka/record-batch/compression.ts'
import { crc32c } from '../../../../src/log/kafka/record-batch/crc32c.ts'
import { type AbortedTransaction, FetchedRecords } from '../../../../src/log/kafka/record-batch/fetched-records.ts'
import {
  attributesAt,
  controlFlag,
  crcAt,
  transactionalFlag,
  writeInt64,
} from '../../../../src/log/kafka/record-batch/layout.ts'
import type { Header, LogBatch } from '../../../../src/log/log.ts'
import { ByteWriter } from '../../../../src/serde/byte-writer.ts'
import type { Serde } from '../../../../src/serde/serde.ts'

export interface PlainRecord {
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly Header[]
}

export const raw: Serde<Uint8Array> = {
  format: 'raw@1',
  decode: (bytes, start, end) => bytes.subarray(start, end),
  encode: (value, target) => target.writeBytes(value),
}

export interface BatchSettings {
  readonly baseOffset?: number
  readonly compression?: Compression
  readonly producerId?: number
  readonly transactional?: boolean
}

/** A batch as a server would give it out. */
export async function encode(records: readonly PlainRecord[], settings: BatchSettings = {}): Promise<Buffer> {
  const { baseOffset = 0, compression = 'none', producerId = 7, transactional = false } = settings
  const builder = new BatchBuilder(new ByteWriter(64))
  for (const { timestamp, key, value, headers } of records) {
    if (value === null || headers.length % 2 === 1) builder.appendBytes(timestamp, key, value, headers)
    else builder.append(timestamp, key, value, raw, headers)
  }
  if (compression !== 'none') await builder.compress(compression)
  const bytes = Buffer.from(builder.finish({ producerId, epoch: 3, transactional }, 0))
  // The server gives the offsets; the CRC does not cover them.
  writeInt64(bytes, baseOffset, 0)
  return bytes
}

/** A marker that ends a transaction. */
export async function marker(baseOffset: number, producerId: number, isCommit: boolean): Promise<Buffer> {
  const key = Buffer.from([0, 0, 0, isCommit ? 1 : 0])
  const record = { timestamp: 0, key, value: Buffer.alloc(6), headers: [] }
  const bytes = await encode([record], { baseOffset, producerId, transactional: true })
  bytes.writeInt16BE(transactionalFlag | controlFlag, attributesAt)
  bytes.writeUInt32BE(crc32c(bytes.subarray(attributesAt)), crcAt)
  return bytes
}

/** Everything that the bytes hold, in the pieces in which they are handed out. */
export function decode(bytes: Buffer, fromOffset = 0, aborted: readonly AbortedTransaction[] = []): LogBatch[] {
  const fetched = new FetchedRecords('t', 2, bytes, 0, bytes.length, fromOffset, aborted)
  const batches: LogBatch[] = []
  for (let batch = fetched.next(); batch !== undefined; batch = fetched.next()) batches.push(batch)
  return batches
}

export function recordsOf(batches: readonly LogBatch[]): (PlainRecord & { readonly offset: number })[] {
  return batches.flatMap((batch) =>
    Array.from({ length: batch.count }, (_, index) => ({
      offset: batch.offsets[index] as number,
      timestamp: batch.timestamps[index] as number,
      key: range(batch.buffer, batch.keyStarts[index] as number, batch.keyEnds[index] as number),
      value: range(batch.buffer, batch.valueStarts[index] as number, batch.valueEnds[index] as number),
      headers: batch.headers(index).map(({ key, value }) => ({ key, value: Uint8Array.from(value) })),
    })),
  )
}

function range(buffer: Buffer, start: number, end: number): Uint8Array | null {
  return start < 0 ? null : Uint8Array.from(buffer.subarray(start, end))
}

export function text(value: string, timestamp = 1000): PlainRecord {
  return { timestamp, key: null, value: Uint8Array.from(Buffer.from(value)), headers: [] }
}

export function texts(batches: readonly LogBatch[]): string[] {
  return recordsOf(batches).map(({ value }) => Buffer.from(value ?? []).toString())
}
