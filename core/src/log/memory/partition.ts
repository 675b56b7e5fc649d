import { BatchBuilder, StoredBatch, type TransactionState } from './batch.ts'

/** One partition: batches in the order of their offsets, of which those before the first open transaction can be read. */
export class MemoryPartition {
  readonly #batches: StoredBatch[] = []
  readonly #listeners = new Set<() => void>()
  #end = 0
  /** Everything before this offset is decided. */
  #stableOffset = 0
  #stableBatch = 0

  /** The next offset to be written. */
  get end(): number {
    return this.#end
  }

  /** The end of what a reader of committed records may see. */
  get stableOffset(): number {
    return this.#stableOffset
  }

  append(builder: BatchBuilder, transaction: TransactionState | null): void {
    const batch = new StoredBatch(builder, this.#end, transaction)
    this.#batches.push(batch)
    this.#end = batch.nextOffset
    this.advance()
  }

  /** Writes the marker that ends a transaction. */
  mark(transaction: TransactionState): void {
    this.append(new BatchBuilder(), transaction)
  }

  /** Lets readers see what has become decided. */
  advance(): void {
    const before = this.#stableOffset
    for (; this.#stableBatch < this.#batches.length; this.#stableBatch++) {
      const batch = this.#batches[this.#stableBatch] as StoredBatch
      if (batch.transaction?.state === 'open') break
      this.#stableOffset = batch.nextOffset
    }
    if (this.#stableOffset > before) for (const listener of [...this.#listeners]) listener()
  }

  /** Position among the batches of the one that holds the offset. */
  find(offset: number): number {
    let low = 0
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#batches[middle] as StoredBatch).nextOffset <= offset) low = middle + 1
      else high = middle
    }
    return low
  }

  /** A batch that can be read, or undefined at the end of those. */
  readable(at: number): StoredBatch | undefined {
    return at < this.#stableBatch ? this.#batches[at] : undefined
  }

  /** The first readable offset with at least this timestamp, or the stable end. */
  offsetAt(timestampMs: number): number {
    for (let at = 0; at < this.#stableBatch; at++) {
      const batch = this.#batches[at] as StoredBatch
      if (batch.transaction?.state === 'aborted') continue
      const index = batch.timestamps.findIndex((timestamp) => timestamp >= timestampMs)
      if (index >= 0) return batch.firstOffset + index
    }
    return this.#stableOffset
  }

  listen(listener: () => void): void {
    this.#listeners.add(listener)
  }

  unlisten(listener: () => void): void {
    this.#listeners.delete(listener)
  }
}
