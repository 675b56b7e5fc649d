import type { Serde } from '../../../serde/serde.ts'
import { ArrayCursor, type Cursor } from './cursor.ts'
import { mergeCursors } from './merge-cursors.ts'
import { sizeOf } from './size-of.ts'
import { SpillFile } from './spill-file.ts'
import type { MemoryShare } from './task-memory.ts'

/** Runs that are merged at once; of more, the shortest are made one first. */
const MAX_FAN_IN = 32
/** Buffers of readers are small for small budgets, but not smaller than this. */
const BYTES_PER_READER = 16 * 1024

/**
 * External merge sort: what fills the memory is sorted and written as a run, runs are merged when they are read. Stable.
 *
 * Source: D. Knuth, The Art of Computer Programming, vol. 3, 5.4.
 */
export class ExternalSorter<T> {
  readonly #compare: (left: T, right: T) => number
  readonly #serde: Serde<T>
  readonly #share: MemoryShare
  /** Oldest first, which keeps the order of equal values. */
  #runs: SpillFile<T>[] = []
  #values: T[] = []
  #bytes = 0

  constructor(compare: (left: T, right: T) => number, serde: Serde<T>, share: MemoryShare) {
    this.#compare = compare
    this.#serde = serde
    this.#share = share
  }

  /** Runs on disk. */
  get runs(): number {
    return this.#runs.length
  }

  add(value: T): void {
    const size = sizeOf(value) + 8
    this.#values.push(value)
    this.#bytes += size
    this.#share.take(size)
    if (this.#share.isOver) this.#spill()
  }

  /** All values in order; to be called once, after the last `add`. */
  sorted(): Cursor<T> {
    this.#values.sort(this.#compare)
    if (this.#runs.length === 0) return new ArrayCursor(this.#values)
    const fanIn = Math.max(2, Math.min(MAX_FAN_IN, Math.floor(this.#share.limit / BYTES_PER_READER)))
    while (this.#runs.length > fanIn) this.#mergeNeighbours(fanIn)
    const cursors = this.#runs.map((run) => run.read(this.#runs.length))
    return mergeCursors([...cursors, new ArrayCursor(this.#values)], this.#compare)
  }

  close(): void {
    this.#share.release(this.#bytes)
    this.#bytes = 0
    this.#values = []
    for (const run of this.#runs) run.close()
    this.#runs = []
  }

  #spill(): void {
    this.#values.sort(this.#compare)
    const run = new SpillFile(this.#serde, this.#share)
    for (const value of this.#values) run.append(value)
    run.finish()
    this.#runs.push(run)
    this.#share.release(this.#bytes)
    this.#bytes = 0
    this.#values = []
  }

  /** Makes one run of each group of neighbours, so that equal values stay in order. */
  #mergeNeighbours(fanIn: number): void {
    const merged: SpillFile<T>[] = []
    for (let at = 0; at < this.#runs.length; at += fanIn) {
      const group = this.#runs.slice(at, at + fanIn)
      if (group.length === 1) {
        merged.push(group[0] as SpillFile<T>)
        continue
      }
      const run = new SpillFile(this.#serde, this.#share)
      const cursor = mergeCursors(
        group.map((own) => own.read(group.length)),
        this.#compare,
      )
      while (cursor.next()) run.append(cursor.value)
      run.finish()
      for (const own of group) own.close()
      merged.push(run)
    }
    this.#runs = merged
  }
}
