import type { Header, LogBatch } from '../log.ts'
import { ByteWriter } from '../../serde/byte-writer.ts'

const FIRST_RECORDS = 64

/** Records of one partition that were not handed to the log yet: one growing buffer and the places in it. */
export class BatchBuilder {
  readonly writer: ByteWriter = new ByteWriter(4096)
  count = 0
  timestamps: Float64Array = new Float64Array(FIRST_RECORDS)
  /** Start and end of key, start and end of value, for each record. */
  ranges: Int32Array = new Int32Array(4 * FIRST_RECORDS)
  headers: (readonly Header[] | undefined)[] | null = null

  get bytes(): number {
    return this.writer.position
  }

  /** Notes a record whose key and value were written already; a start of -1 says null. */
  add(timestamp: number, keyStart: number, keyEnd: number, valueStart: number, valueEnd: number, headers: readonly Header[] | undefined): void {
    const at = this.count++
    if (at === this.timestamps.length) this.#grow()
    this.timestamps[at] = timestamp
    const range = 4 * at
    this.ranges[range] = keyStart
    this.ranges[range + 1] = keyEnd
    this.ranges[range + 2] = valueStart
    this.ranges[range + 3] = valueEnd
    if (headers !== undefined) {
      this.headers ??= []
      this.headers[at] = headers
    }
  }

  #grow(): void {
    const timestamps = new Float64Array(this.timestamps.length * 2)
    timestamps.set(this.timestamps)
    this.timestamps = timestamps
    const ranges = new Int32Array(this.ranges.length * 2)
    ranges.set(this.ranges)
    this.ranges = ranges
  }
}

/** Whether the records of a transaction count. */
export interface TransactionState {
  state: 'open' | 'committed' | 'aborted'
}

/** A range of records as stored, or the marker that ends a transaction (without records, but with an offset). */
export class StoredBatch {
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

  constructor(builder: BatchBuilder, firstOffset: number, transaction: TransactionState | null) {
    const { count } = builder
    this.firstOffset = firstOffset
    // A batch without records is a marker, which takes one offset.
    this.nextOffset = firstOffset + Math.max(1, count)
    this.count = count
    this.transaction = transaction
    this.buffer = builder.writer.buffer
    this.timestamps = builder.timestamps.subarray(0, count)
    this.offsets = new Float64Array(count)
    this.keyStarts = new Int32Array(count)
    this.keyEnds = new Int32Array(count)
    this.valueStarts = new Int32Array(count)
    this.valueEnds = new Int32Array(count)
    const { ranges } = builder
    for (let at = 0; at < count; at++) {
      this.offsets[at] = firstOffset + at
      this.keyStarts[at] = ranges[4 * at] as number
      this.keyEnds[at] = ranges[4 * at + 1] as number
      this.valueStarts[at] = ranges[4 * at + 2] as number
      this.valueEnds[at] = ranges[4 * at + 3] as number
    }
    this.#headers = builder.headers
  }

  /** The records from this offset on, as a reader gets them. */
  from(topic: string, partition: number, offset: number): LogBatch {
    const skip = Math.max(0, offset - this.firstOffset)
    return {
      topic,
      partition,
      count: this.count - skip,
      buffer: this.buffer,
      offsets: this.offsets.subarray(skip),
      timestamps: this.timestamps.subarray(skip),
      keyStarts: this.keyStarts.subarray(skip),
      keyEnds: this.keyEnds.subarray(skip),
      valueStarts: this.valueStarts.subarray(skip),
      valueEnds: this.valueEnds.subarray(skip),
      nextOffset: this.nextOffset,
      headers: (index) => this.#headers?.[skip + index] ?? [],
    }
  }
}
