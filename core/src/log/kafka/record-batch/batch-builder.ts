import { StreamError } from '../../../errors.ts'
import type { ByteWriter } from '../../../serde/byte-writer.ts'
import type { Serde } from '../../../serde/serde.ts'
import type { Header } from '../../log.ts'
import { type Compression, compress, compressionId } from './compression.ts'
import { crc32c } from './crc32c.ts'
import { writeHeaders } from './headers.ts'
import {
  attributesAt,
  baseSequenceAt,
  baseTimestampAt,
  crcAt,
  lastOffsetDeltaAt,
  leaderEpochAt,
  lengthAt,
  lengthOverhead,
  magicAt,
  maxTimestampAt,
  producerEpochAt,
  producerIdAt,
  recordCountAt,
  recordsAt,
  transactionalFlag,
  writeInt64,
} from './layout.ts'
import { sizeOfVarint, writeVarint } from './varint.ts'

/** Everything of a record but key, value and headers: six varints, of which one may have 10 bytes, and the attributes. */
const recordOverhead = 40

/** Who writes a batch, as the server checks it against duplicates, gaps and fenced writers. */
export interface ProducerIdentity {
  readonly producerId: number
  readonly epoch: number
  readonly transactional: boolean
}

/**
 * A record batch in the making: records are encoded in place behind the space for the header, which `finish` fills.
 * The lengths before a record and before its value are not known until the value is encoded; the builder leaves the room
 * that the previous record needed and moves the bytes only when the guess was wrong.
 */
export class BatchBuilder {
  readonly #writer: ByteWriter
  #count = 0
  #baseTimestamp = 0
  #maxTimestamp = 0
  #lengthBytes = 2
  #valueLengthBytes = 2
  #compressed: Buffer | undefined
  #compression = compressionId.none

  constructor(writer: ByteWriter) {
    this.#writer = writer
    writer.position = 0
    writer.reserve(recordsAt)
    writer.position = recordsAt
  }

  get count(): number {
    return this.#count
  }

  /** Size so far, uncompressed, with the header. */
  get bytes(): number {
    return this.#writer.position
  }

  append<T>(
    time: number,
    key: Uint8Array | null,
    value: T,
    serde: Serde<T>,
    headers: readonly Header[] | undefined,
  ): void {
    const timestamp = wholeMilliseconds(time)
    const writer = this.#writer
    const start = writer.position
    const valueLengthAt = this.#begin(timestamp, key)
    const valueStart = valueLengthAt + this.#valueLengthBytes
    writer.position = valueStart
    try {
      serde.encode(value, writer)
      const length = writer.position - valueStart
      const size = sizeOfVarint(length)
      if (size !== this.#valueLengthBytes) {
        this.#move(valueStart, size - this.#valueLengthBytes)
        this.#valueLengthBytes = size
      }
      writeVarint(writer.buffer, valueLengthAt, length)
      this.#end(start, headers)
    } catch (error) {
      // Nothing of a record that cannot be encoded may stay in the batch.
      writer.position = start
      throw error
    }
    this.#accept(timestamp)
  }

  appendBytes(
    time: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers: readonly Header[] | undefined,
  ): void {
    const timestamp = wholeMilliseconds(time)
    const writer = this.#writer
    const start = writer.position
    writer.position = this.#begin(timestamp, key)
    const at = writer.reserve((value?.length ?? 0) + recordOverhead)
    writer.position = writeVarint(writer.buffer, at, value === null ? -1 : value.length)
    if (value !== null) writer.writeBytes(value)
    this.#end(start, headers)
    this.#accept(timestamp)
  }

  /** Compresses the records. Nothing may be appended afterwards. */
  async compress(compression: Exclude<Compression, 'none'>): Promise<void> {
    const { buffer, position } = this.#writer
    const records = await compress(compression, buffer.subarray(recordsAt, position))
    const batch = Buffer.allocUnsafe(recordsAt + records.length)
    batch.set(records, recordsAt)
    this.#compressed = batch
    this.#compression = compressionId[compression]
  }

  /**
   * Fills the header and returns the batch as it goes over the wire. The bytes are the builder's own buffer unless they
   * were compressed: they are valid until the builder's writer is used again.
   */
  finish(producer: ProducerIdentity, baseSequence: number): Buffer {
    const batch = this.#compressed ?? this.#writer.buffer.subarray(0, this.#writer.position)
    this.#writeHeader(batch, producer, baseSequence, this.#compression)
    return batch
  }

  #writeHeader(batch: Buffer, producer: ProducerIdentity, baseSequence: number, compression: number): void {
    writeInt64(batch, 0, 0)
    batch.writeInt32BE(batch.length - lengthOverhead, lengthAt)
    batch.writeInt32BE(-1, leaderEpochAt)
    batch[magicAt] = 2
    batch.writeInt16BE(compression | (producer.transactional ? transactionalFlag : 0), attributesAt)
    batch.writeInt32BE(this.#count - 1, lastOffsetDeltaAt)
    writeInt64(batch, this.#baseTimestamp, baseTimestampAt)
    writeInt64(batch, this.#maxTimestamp, maxTimestampAt)
    writeInt64(batch, producer.producerId, producerIdAt)
    batch.writeInt16BE(producer.epoch, producerEpochAt)
    batch.writeInt32BE(baseSequence, baseSequenceAt)
    batch.writeInt32BE(this.#count, recordCountAt)
    batch.writeUInt32BE(crc32c(batch.subarray(attributesAt)), crcAt)
  }

  /** Writes what comes before the value's length, and returns where that goes. */
  #begin(timestamp: number, key: Uint8Array | null): number {
    const writer = this.#writer
    const start = writer.reserve((key?.length ?? 0) + recordOverhead)
    const { buffer } = writer
    let at = start + this.#lengthBytes
    buffer[at++] = 0
    at = writeVarint(buffer, at, this.#count === 0 ? 0 : timestamp - this.#baseTimestamp)
    at = writeVarint(buffer, at, this.#count)
    if (key === null) return writeVarint(buffer, at, -1)
    at = writeVarint(buffer, at, key.length)
    copy(key, buffer, at)
    return at + key.length
  }

  /** Writes what comes after the value, and the record's length. */
  #end(start: number, headers: readonly Header[] | undefined): void {
    const writer = this.#writer
    if (headers === undefined || headers.length === 0) {
      const at = writer.reserve(1)
      writer.buffer[at] = 0
      writer.position = at + 1
    } else {
      writeHeaders(writer, headers)
    }
    const body = start + this.#lengthBytes
    const length = writer.position - body
    const size = sizeOfVarint(length)
    if (size !== this.#lengthBytes) {
      this.#move(body, size - this.#lengthBytes)
      this.#lengthBytes = size
    }
    writeVarint(writer.buffer, start, length)
  }

  /** Moves everything from here on by this distance. */
  #move(from: number, distance: number): void {
    const writer = this.#writer
    const end = writer.position
    writer.reserve(Math.max(distance, 0))
    writer.buffer.copyWithin(from + distance, from, end)
    writer.position = end + distance
  }

  #accept(timestamp: number): void {
    if (this.#count === 0) {
      this.#baseTimestamp = timestamp
      this.#maxTimestamp = timestamp
    } else if (timestamp > this.#maxTimestamp) {
      this.#maxTimestamp = timestamp
    }
    this.#count++
  }
}

/** Kafka keeps whole milliseconds. */
function wholeMilliseconds(timestamp: number): number {
  const whole = Math.floor(timestamp)
  if (Number.isSafeInteger(whole)) return whole
  throw new StreamError('TIMESTAMP_INVALID', `${timestamp} cannot be the timestamp of a record`)
}

/** A call into native code costs more than copying the few bytes of a usual key. */
function copy(source: Uint8Array, target: Buffer, at: number): void {
  if (source.length > 32) {
    target.set(source, at)
    return
  }
  for (let i = 0; i < source.length; i++) target[at + i] = source[i]!
}
