import { rowSerde } from '../../../serde/msgpack.ts'
import type { Serde } from '../../../serde/serde.ts'
import { ArrayCursor, type Cursor } from './cursor.ts'
import { EncodedRun } from './encoded-run.ts'
import { mergeCursors } from './merge-cursors.ts'
import { sizeOf } from './size-of.ts'
import { SpillFile } from './spill-file.ts'
import type { MemoryShare } from './task-memory.ts'

/** Runs that are merged at once; of more, neighbours are made one first. */
const MAX_FAN_IN = 32
/** Buffers of readers are small for small budgets, but not smaller than this. */
const BYTES_PER_READER = 16 * 1024
/** Up to this part of the memory records are held as objects, which is faster; beyond it as bytes. */
const OBJECTS = 1 / 8

/**
 * External merge sort: what fills the memory is sorted and written as a run, runs are merged when they are read. Stable.
 *
 * Source: D. Knuth, The Art of Computer Programming, vol. 3, 5.4.
 */
export class ExternalSorter<T> {
  readonly #key: (value: T) => unknown
  readonly #compareKeys: (left: unknown, right: unknown) => number
  readonly #serde: Serde<T>
  readonly #share: MemoryShare
  /** Oldest first, which keeps the order of equal values. */
  #runs: SpillFile<T>[] = []
  #values: T[] = []
  #bytes = 0
  #encoded: EncodedRun<T> | null = null

  constructor(
    key: (value: T) => unknown,
    compareKeys: (left: unknown, right: unknown) => number,
    serde: Serde<T>,
    share: MemoryShare,
  ) {
    this.#key = key
    this.#compareKeys = compareKeys
    this.#serde = rowSerde(serde)
    this.#share = share
  }

  /** Runs on disk. */
  get runs(): number {
    return this.#runs.length
  }

  add(value: T): void {
    if (this.#encoded === null) {
      const size = sizeOf(value) + 8
      this.#values.push(value)
      this.#bytes += size
      this.#share.take(size)
      if (this.#bytes <= this.#share.limit * OBJECTS) return
      this.#encode()
    } else {
      this.#encoded.add(value)
    }
    if (this.#share.isOver) this.#runs.push((this.#encoded as EncodedRun<T>).spill())
  }

  /** All values in order; to be called once, after the last `add`. */
  sorted(): Cursor<T> {
    const key = this.#key
    const compare = this.#compareKeys
    if (this.#encoded === null) {
      return new ArrayCursor(this.#values.sort((left, right) => compare(key(left), key(right))))
    }
    if (this.#runs.length === 0) return this.#encoded.sorted()
    const fanIn = Math.max(2, Math.min(MAX_FAN_IN, Math.floor(this.#share.limit / BYTES_PER_READER)))
    while (this.#runs.length > fanIn) this.#mergeNeighbours(fanIn)
    const cursors = this.#runs.map((run) => run.read(this.#runs.length))
    return mergeCursors([...cursors, this.#encoded.sorted()], key, compare)
  }

  close(): void {
    this.#clearValues()
    this.#encoded?.close()
    // Its memory, which it would use again, goes with it.
    this.#encoded = null
    for (const run of this.#runs) run.close()
    this.#runs = []
  }

  #encode(): void {
    const values = this.#values
    this.#clearValues()
    const encoded = new EncodedRun(this.#key, this.#compareKeys, this.#serde, this.#share)
    for (const value of values) encoded.add(value)
    this.#encoded = encoded
  }

  #clearValues(): void {
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
      const cursors = group.map((own) => own.read(group.length))
      for (const cursor = mergeCursors(cursors, this.#key, this.#compareKeys); cursor.next(); ) run.append(cursor.value)
      run.finish()
      for (const own of group) own.close()
      merged.push(run)
    }
    this.#runs = merged
  }
}
