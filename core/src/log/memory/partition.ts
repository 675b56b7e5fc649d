import type { LogBatch } from '../log.ts'
import { type BatchBuilder, emptyRange, StoredBatch, type TransactionState } from './batch.ts'

/** What has offsets and no records: the marker that ends a transaction, or a batch whose records were deleted. */
interface Marker {
  readonly firstOffset: number
  readonly nextOffset: number
  readonly transaction: null
}

type Entry = StoredBatch | Marker

/** One partition: batches in the order of their offsets, of which those before the first open transaction can be read. */
export class MemoryPartition {
  readonly topic: string
  readonly partition: number
  readonly #entries: Entry[] = []
  readonly #listeners = new Set<() => void>()
  #start = 0
  /** Entries before this position hold no records any more. */
  #deletedEntries = 0
  #end = 0
  /** Everything before this offset is decided. */
  #stableOffset = 0
  #stableEntries = 0

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  /** The first offset that is still there. */
  get start(): number {
    return this.#start
  }

  /** The next offset to be written. */
  get end(): number {
    return this.#end
  }

  /** The end of what a reader of committed records may see. */
  get stableOffset(): number {
    return this.#stableOffset
  }

  /** Takes the builder over; it must hold a record. */
  append(builder: BatchBuilder, transaction: TransactionState | null): void {
    this.#add(new StoredBatch(this.topic, this.partition, this.#end, builder, transaction))
  }

  /** Writes the marker that ends a transaction, which has been decided. */
  mark(): void {
    this.#add({ firstOffset: this.#end, nextOffset: this.#end + 1, transaction: null })
  }

  /** Lets go of the records below an offset; whole batches give their memory back. */
  deleteBefore(offset: number): void {
    this.#start = Math.max(this.#start, Math.min(offset, this.#stableOffset))
    for (; this.#deletedEntries < this.#stableEntries; this.#deletedEntries++) {
      const { firstOffset, nextOffset } = this.#entries[this.#deletedEntries] as Entry
      if (nextOffset > this.#start) return
      // The place stays, since readers know their position among the entries.
      this.#entries[this.#deletedEntries] = { firstOffset, nextOffset, transaction: null }
    }
  }

  /** Position among the entries of the one that holds the offset. */
  find(offset: number): number {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#entries[middle] as Entry).nextOffset <= offset) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The decided entry at this position, from an offset in it on; undefined at the end of those that are decided. */
  read(position: number, offset: number): LogBatch | undefined {
    if (position >= this.#stableEntries) return undefined
    const entry = this.#entries[position] as Entry
    // Markers and aborted records are handed on as empty ranges, so that the reader's position moves past them.
    if (!(entry instanceof StoredBatch) || entry.transaction?.state === 'aborted') {
      return emptyRange(this.topic, this.partition, entry.nextOffset)
    }
    return entry.from(offset)
  }

  /** The first readable offset with at least this timestamp, or the stable end. */
  offsetAt(timestampMs: number): number {
    for (let position = 0; position < this.#stableEntries; position++) {
      const entry = this.#entries[position] as Entry
      if (!(entry instanceof StoredBatch) || entry.transaction?.state === 'aborted') continue
      const index = entry.timestamps.findIndex((timestamp) => timestamp >= timestampMs)
      if (index >= 0) return entry.firstOffset + index
    }
    return this.#stableOffset
  }

  listen(listener: () => void): void {
    this.#listeners.add(listener)
  }

  unlisten(listener: () => void): void {
    this.#listeners.delete(listener)
  }

  #add(entry: Entry): void {
    this.#entries.push(entry)
    this.#end = entry.nextOffset
    const before = this.#stableOffset
    for (; this.#stableEntries < this.#entries.length; this.#stableEntries++) {
      const next = this.#entries[this.#stableEntries] as Entry
      if (next.transaction?.state === 'open') break
      this.#stableOffset = next.nextOffset
    }
    if (this.#stableOffset > before) for (const listener of [...this.#listeners]) listener()
  }
}
