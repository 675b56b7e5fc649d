import { StreamError } from '../../../errors.ts'
import type { Header, LogBatch } from '../../log.ts'
import { decompress } from './compression.ts'
import { crc32c } from './crc32c.ts'
import { readHeaders } from './headers.ts'
import {
  attributesAt,
  baseTimestampAt,
  compressionMask,
  controlFlag,
  crcAt,
  lastOffsetDeltaAt,
  lengthAt,
  lengthOverhead,
  logAppendTimeFlag,
  magicAt,
  maxTimestampAt,
  producerIdAt,
  readInt64,
  recordCountAt,
  recordsAt,
  transactionalFlag,
} from './layout.ts'
import { position, readVarint } from './varint.ts'

/** Small neighbouring batches are handed on together up to about this many records: enough to pay for the arrays. */
const recordsPerBatch = 1024

/** A record has at least seven bytes; a count beyond what fits is damage, not data. */
const smallestRecord = 7

const abortMarker = 0

/** Two numbers of 8 bytes and four of 4 for each record of a batch. */
const bytesPerRecord = 32

/** A transaction that ended in an abort: the records of this producer from here to its marker do not count. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

/**
 * The records of one partition in one fetch response, decoded piece by piece as the consumer takes them.
 * Gives committed records only: control records and those of aborted transactions are left out.
 */
export class FetchedRecords {
  readonly topic: string
  readonly partition: number
  /** Where to fetch next: behind the last batch. */
  readonly nextOffset: number
  readonly #buffer: Buffer
  readonly #end: number
  /** Records before it are in the first batch, but were not asked for. */
  readonly #fromOffset: number
  readonly #aborted: readonly AbortedTransaction[]
  readonly #aborting = new Set<number>()
  #nextAborted = 0
  #at: number

  constructor(
    topic: string,
    partition: number,
    buffer: Buffer,
    start: number,
    end: number,
    fromOffset: number,
    aborted: readonly AbortedTransaction[],
  ) {
    this.topic = topic
    this.partition = partition
    this.#buffer = buffer
    this.#at = start
    let nextOffset = fromOffset
    let at = start
    // The server cuts the response where it is long enough, so the last batch may be incomplete.
    for (let next = endOfBatch(buffer, at, end); next > 0; next = endOfBatch(buffer, at, end)) {
      nextOffset = readInt64(buffer, at) + buffer.readInt32BE(at + lastOffsetDeltaAt) + 1
      at = next
    }
    this.#end = at
    this.nextOffset = nextOffset
    this.#fromOffset = fromOffset
    this.#aborted = aborted.length > 1 ? aborted.toSorted((a, b) => a.firstOffset - b.firstOffset) : aborted
  }

  get remainingBytes(): number {
    return this.#end - this.#at
  }

  /**
   * The next records, as one batch over one buffer, or undefined at the end.
   * @throws LOG_FAILED when the bytes are damaged or in a format that cannot be read
   */
  next(): LogBatch | undefined {
    const first = this.#at
    let nextOffset = -1
    let count = 0
    const pieces: number[] = []
    while (this.#at < this.#end && count < recordsPerBatch) {
      const at = this.#at
      const attributes = this.#check(at)
      const compressed = (attributes & compressionMask) !== 0
      // A compressed batch has a buffer of its own, so it cannot be handed on together with its neighbours.
      if (compressed && pieces.length > 0) break
      this.#at = at + lengthOverhead + this.#buffer.readInt32BE(at + lengthAt)
      nextOffset = readInt64(this.#buffer, at) + this.#buffer.readInt32BE(at + lastOffsetDeltaAt) + 1
      if (nextOffset <= this.#fromOffset || !this.#isVisible(at, attributes, nextOffset - 1)) continue
      count += this.#buffer.readInt32BE(at + recordCountAt)
      pieces.push(at)
      if (compressed) break
    }
    if (first === this.#at) return undefined
    return this.#decode(pieces, count, nextOffset)
  }

  /** Checks the batch at this place and returns its attributes. */
  #check(at: number): number {
    const buffer = this.#buffer
    const magic = buffer[at + magicAt]
    if (magic !== 2) {
      throw this.#damaged(at, `has message format ${magic}, which is older than Kafka 0.11; only format 2 can be read`)
    }
    const end = at + lengthOverhead + buffer.readInt32BE(at + lengthAt)
    if (end > this.#end || end < at + recordsAt) throw this.#damaged(at, 'has a length that does not fit')
    if (crc32c(buffer.subarray(at + attributesAt, end)) !== buffer.readUInt32BE(at + crcAt)) {
      throw this.#damaged(at, 'is damaged: its CRC-32C does not match')
    }
    return buffer.readInt16BE(at + attributesAt)
  }

  /** False for control batches and for batches of aborted transactions. */
  #isVisible(at: number, attributes: number, lastOffset: number): boolean {
    if ((attributes & (transactionalFlag | controlFlag)) === 0) return true
    while (this.#nextAborted < this.#aborted.length) {
      const aborted = this.#aborted[this.#nextAborted]!
      if (aborted.firstOffset > lastOffset) break
      this.#aborting.add(aborted.producerId)
      this.#nextAborted++
    }
    const producerId = readInt64(this.#buffer, at + producerIdAt)
    if ((attributes & controlFlag) !== 0) {
      if (this.#markerType(at) === abortMarker) this.#aborting.delete(producerId)
      return false
    }
    return !this.#aborting.has(producerId)
  }

  /** A control batch holds one record, whose key is a version and a type. */
  #markerType(at: number): number {
    const buffer = this.#buffer
    if (buffer.readInt32BE(at + recordCountAt) === 0) return -1
    readVarint(buffer, at + recordsAt)
    readVarint(buffer, position + 1)
    readVarint(buffer, position)
    readVarint(buffer, position)
    return buffer.readInt16BE(position + 2)
  }

  #decode(pieces: readonly number[], count: number, nextOffset: number): LogBatch {
    const batch = new FetchedBatch(this.topic, this.partition, this.#buffer, count, nextOffset)
    for (const at of pieces) {
      const attributes = this.#buffer.readInt16BE(at + attributesAt)
      const codec = attributes & compressionMask
      let start = at + recordsAt
      let end = at + lengthOverhead + this.#buffer.readInt32BE(at + lengthAt)
      if (codec !== 0) {
        batch.buffer = this.#decompress(codec, at, start, end)
        start = 0
        end = batch.buffer.length
      }
      const records = this.#buffer.readInt32BE(at + recordCountAt)
      if (records < 0 || records * smallestRecord > end - start) throw this.#damaged(at, 'has a wrong record count')
      const appendTime = (attributes & logAppendTimeFlag) === 0 ? -1 : readInt64(this.#buffer, at + maxTimestampAt)
      const baseTimestamp = readInt64(this.#buffer, at + baseTimestampAt)
      const baseOffset = readInt64(this.#buffer, at)
      const isWhole = batch.read(start, end, records, baseOffset, this.#fromOffset, baseTimestamp, appendTime)
      if (!isWhole) throw this.#damaged(at, 'holds a record that does not end where its batch ends')
    }
    batch.trim()
    return batch
  }

  #decompress(codec: number, at: number, start: number, end: number): Buffer {
    try {
      return decompress(codec, this.#buffer.subarray(start, end))
    } catch (error) {
      const offset = readInt64(this.#buffer, at)
      const where = { topic: this.topic, partition: this.partition, offset }
      if (StreamError.is(error)) throw error.locate(where)
      throw new StreamError('LOG_FAILED', 'a record batch cannot be decompressed', { cause: error, where })
    }
  }

  #damaged(at: number, what: string): StreamError {
    const offset = readInt64(this.#buffer, at)
    return new StreamError('LOG_FAILED', `a record batch ${what}`, {
      where: { topic: this.topic, partition: this.partition, offset },
    })
  }
}

/** The end of the batch that starts here, or 0 when it is not complete. */
function endOfBatch(buffer: Buffer, at: number, limit: number): number {
  if (at + recordsAt > limit) return 0
  const end = at + lengthOverhead + buffer.readInt32BE(at + lengthAt)
  return end > limit || end <= at ? 0 : end
}

class FetchedBatch implements LogBatch {
  readonly topic: string
  readonly partition: number
  readonly nextOffset: number
  count = 0
  buffer: Buffer
  offsets: Float64Array
  timestamps: Float64Array
  keyStarts: Int32Array
  keyEnds: Int32Array
  valueStarts: Int32Array
  /** Where the headers of each record begin, too. */
  valueEnds: Int32Array

  constructor(topic: string, partition: number, buffer: Buffer, capacity: number, nextOffset: number) {
    this.topic = topic
    this.partition = partition
    this.buffer = buffer
    this.nextOffset = nextOffset
    // One allocation, not six: outside the heap each costs more than decoding a hundred records.
    const memory = new ArrayBuffer(capacity * bytesPerRecord)
    this.offsets = new Float64Array(memory, 0, capacity)
    this.timestamps = new Float64Array(memory, capacity * 8, capacity)
    this.keyStarts = new Int32Array(memory, capacity * 16, capacity)
    this.keyEnds = new Int32Array(memory, capacity * 20, capacity)
    this.valueStarts = new Int32Array(memory, capacity * 24, capacity)
    this.valueEnds = new Int32Array(memory, capacity * 28, capacity)
  }

  /** Adds the records in `buffer[start, end)`; false when they are not well formed. */
  read(
    start: number,
    end: number,
    records: number,
    baseOffset: number,
    fromOffset: number,
    baseTimestamp: number,
    appendTime: number,
  ): boolean {
    const { buffer, offsets, timestamps, keyStarts, keyEnds, valueStarts, valueEnds } = this
    let index = this.count
    let at = start
    for (let i = 0; i < records; i++) {
      const length = readVarint(buffer, at)
      const recordEnd = position + length
      // Also true for NaN, which is what reading beyond the buffer gives.
      if (!(length > 0 && recordEnd <= end)) return false
      const timestampDelta = readVarint(buffer, position + 1)
      const offset = baseOffset + readVarint(buffer, position)
      const keyLength = readVarint(buffer, position)
      const keyStart = position
      const keyEnd = keyLength < 0 ? keyStart : keyStart + keyLength
      const valueLength = readVarint(buffer, keyEnd)
      const valueStart = position
      const valueEnd = valueLength < 0 ? valueStart : valueStart + valueLength
      if (!(valueEnd < recordEnd)) return false
      at = recordEnd
      if (offset < fromOffset) continue
      offsets[index] = offset
      timestamps[index] = appendTime < 0 ? baseTimestamp + timestampDelta : appendTime
      keyStarts[index] = keyLength < 0 ? -1 : keyStart
      keyEnds[index] = keyEnd
      valueStarts[index] = valueLength < 0 ? -1 : valueStart
      valueEnds[index] = valueEnd
      index++
    }
    this.count = index
    return at === end
  }

  /** Cuts the arrays to the records that were kept. */
  trim(): void {
    const { count } = this
    if (count === this.offsets.length) return
    this.offsets = this.offsets.subarray(0, count)
    this.timestamps = this.timestamps.subarray(0, count)
    this.keyStarts = this.keyStarts.subarray(0, count)
    this.keyEnds = this.keyEnds.subarray(0, count)
    this.valueStarts = this.valueStarts.subarray(0, count)
    this.valueEnds = this.valueEnds.subarray(0, count)
  }

  headers(index: number): readonly Header[] {
    const start = this.valueEnds[index]
    if (index < 0 || start === undefined) throw new RangeError(`record ${index} of ${this.count}`)
    return readHeaders(this.buffer, start)
  }
}
