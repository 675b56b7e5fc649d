import { ByteWriter } from '../../serde/byte-writer.ts'
import type { Header, LogBatch } from '../log.ts'

const FIRST_RECORDS = 16
const FIRST_BYTES = 1024
/** A stored buffer may be this much larger than what is in it; beyond, the spare room is given back. */
const SPARE_BYTES = 4096
const NO_HEADERS: readonly Header[] = []

/** Records of one partition that were not handed to the log yet: one growing buffer and the places in it. */
export class BatchBuilder {
  readonly writer: ByteWriter = new ByteWriter(FIRST_BYTES)
  count = 0
  timestamps: Float64Array = new Float64Array(FIRST_RECORDS)
  keyStarts: Int32Array = new Int32Array(FIRST_RECORDS)
  keyEnds: Int32Array = new Int32Array(FIRST_RECORDS)
  valueStarts: Int32Array = new Int32Array(FIRST_RECORDS)
  valueEnds: Int32Array = new Int32Array(FIRST_RECORDS)
  headers: (readonly Header[] | undefined)[] | null = null

  get bytes(): number {
    return this.writer.position
  }

  /** Notes a record whose key and value were written already; a start of -1 says null. */
  add(
    timestamp: number,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    headers: readonly Header[] | undefined,
  ): void {
    const at = this.count++
    if (at === this.timestamps.length) this.#grow()
    this.timestamps[at] = timestamp
    this.keyStarts[at] = keyStart
    this.keyEnds[at] = keyEnd
    this.valueStarts[at] = valueStart
    this.valueEnds[at] = valueEnd
    if (headers !== undefined && headers.length > 0) {
      this.headers ??= []
      // Copied, since the caller may use its buffers again; header values are small.
      this.headers[at] = headers.map(({ key, value }) => ({ key, value: Uint8Array.from(value) }))
    }
  }

  #grow(): void {
    const size = this.timestamps.length * 2
    const timestamps = new Float64Array(size)
    timestamps.set(this.timestamps)
    this.timestamps = timestamps
    this.keyStarts = grown(this.keyStarts, size)
    this.keyEnds = grown(this.keyEnds, size)
    this.valueStarts = grown(this.valueStarts, size)
    this.valueEnds = grown(this.valueEnds, size)
  }
}

/** Whether the records of a transaction count. */
export interface TransactionState {
  state: 'open' | 'committed' | 'aborted'
}

/** What a marker, which has no records, is made of. */
const nothing = new BatchBuilder()

/**
 * A range of records as stored, or the marker that ends a transaction (without records, but with an offset). Readers are
 * given it as it is: the builder's arrays are taken over, and nothing is copied.
 */
export class StoredBatch implements LogBatch {
  readonly topic: string
  readonly partition: number
  readonly firstOffset: number
  readonly nextOffset: number
  readonly count: number
  readonly transaction: TransactionState | null
  readonly buffer: Buffer
  readonly offsets: Float64Array
  readonly timestamps: Float64Array
  readonly keyStarts: Int32Array
  readonly keyEnds: Int32Array
  readonly valueStarts: Int32Array
  readonly valueEnds: Int32Array
  readonly #headers: (readonly Header[] | undefined)[] | null

  constructor(
    topic: string,
    partition: number,
    firstOffset: number,
    builder: BatchBuilder,
    transaction: TransactionState | null,
  ) {
    const { count, writer } = builder
    this.topic = topic
    this.partition = partition
    this.firstOffset = firstOffset
    this.nextOffset = firstOffset + count
    this.count = count
    this.transaction = transaction
    this.buffer = writer.buffer.length - writer.position > SPARE_BYTES ? writer.toBuffer() : writer.buffer
    this.offsets = new Float64Array(count)
    for (let at = 0; at < count; at++) this.offsets[at] = firstOffset + at
    this.timestamps = builder.timestamps.subarray(0, count)
    this.keyStarts = builder.keyStarts.subarray(0, count)
    this.keyEnds = builder.keyEnds.subarray(0, count)
    this.valueStarts = builder.valueStarts.subarray(0, count)
    this.valueEnds = builder.valueEnds.subarray(0, count)
    this.#headers = builder.headers
  }

  headers(index: number): readonly Header[] {
    return this.#headers?.[index] ?? NO_HEADERS
  }

  /** The records from this offset on, as a reader gets them. */
  from(offset: number): LogBatch {
    const skip = offset - this.firstOffset
    if (skip <= 0) return this
    return {
      topic: this.topic,
      partition: this.partition,
      count: this.count - skip,
      buffer: this.buffer,
      offsets: this.offsets.subarray(skip),
      timestamps: this.timestamps.subarray(skip),
      keyStarts: this.keyStarts.subarray(skip),
      keyEnds: this.keyEnds.subarray(skip),
      valueStarts: this.valueStarts.subarray(skip),
      valueEnds: this.valueEnds.subarray(skip),
      nextOffset: this.nextOffset,
      headers: (index) => this.headers(skip + index),
    }
  }
}

/** An empty range up to `nextOffset`: a marker, or records that do not count. */
export function emptyRange(topic: string, partition: number, nextOffset: number): LogBatch {
  return new StoredBatch(topic, partition, nextOffset, nothing, null)
}

function grown(array: Int32Array, size: number): Int32Array {
  const larger = new Int32Array(size)
  larger.set(array)
  return larger
}
