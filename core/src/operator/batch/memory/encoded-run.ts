import type { Serde } from '../../../serde/serde.ts'
import { compareValues } from './compare-values.ts'
import type { Cursor } from './cursor.ts'
import { ChunkPool, EncodedRows } from './encoded-rows.ts'
import { KeyColumn } from './key-column.ts'
import { mergeSort } from './merge-sort.ts'
import { sizeOf } from './size-of.ts'
import { SpillFile } from './spill-file.ts'
import type { MemoryShare } from './task-memory.ts'

/** A position, a key, and twice a place in the order. */
const BOOKKEEPING_BYTES = 8 + 8 + 2 * 4

/** So many records are sorted as they come, so that little is left to be done at once in the end: a task that is busy is not heard. */
const BLOCK = 1 << 16

/** Records that are held as bytes, with their keys beside them, and sorted by these. */
export class EncodedRun<T> {
  readonly #key: (value: T) => unknown
  readonly #compareKeys: (left: unknown, right: unknown) => number
  readonly #serde: Serde<T>
  readonly #share: MemoryShare
  readonly #rows: EncodedRows<T>
  readonly #keys = new KeyColumn()
  /** Positions are numbers as well. */
  readonly #positions = new KeyColumn()
  /** Used again, since they are large. */
  #order = new Uint32Array(0)
  #scratch = new Uint32Array(0)
  #bytes = 0

  constructor(
    key: (value: T) => unknown,
    compareKeys: (left: unknown, right: unknown) => number,
    serde: Serde<T>,
    share: MemoryShare,
  ) {
    this.#key = key
    this.#compareKeys = compareKeys
    this.#serde = serde
    this.#share = share
    this.#rows = new EncodedRows(serde, new ChunkPool(share.limit))
  }

  get length(): number {
    return this.#keys.length
  }

  add(value: T): void {
    const key = this.#key(value)
    const position = this.#rows.append(value)
    this.#keys.push(key)
    this.#positions.push(position)
    const size = this.#rows.sizeAt(position) + BOOKKEEPING_BYTES + (typeof key === 'number' ? 0 : sizeOf(key))
    this.#bytes += size
    this.#share.take(size)
    if (this.length % BLOCK === 0) this.#sortBlock(this.length - BLOCK)
  }

  /** Everything in order, as long as nothing is added. */
  sorted(): Cursor<T> {
    const { length } = this
    const order = this.#sort()
    return new EncodedCursor(order, length, (at) => this.#rows.decode(this.#positions.numberAt(at)))
  }

  /** Writes everything in order, and holds nothing then. */
  spill(): SpillFile<T> {
    const file = new SpillFile(this.#serde, this.#share)
    const order = this.#sort()
    for (let at = 0; at < this.length; at++) {
      this.#rows.copy(this.#positions.numberAt(order[at] as number), file)
    }
    file.finish()
    this.#clear()
    return file
  }

  close(): void {
    this.#clear()
  }

  /** Records by their number, in the order of their keys; equal ones as they came. */
  #sort(): Uint32Array {
    const { length } = this
    const rest = length % BLOCK
    if (rest > 0) this.#sortBlock(length - rest)
    return mergeSort(this.#order, this.#scratch, length, this.#isAfter(), BLOCK)
  }

  #sortBlock(start: number): void {
    const end = this.length
    if (this.#order.length < end) this.#grow(end)
    const order = this.#order.subarray(start, end)
    for (let at = start; at < end; at++) order[at - start] = at
    const sorted = mergeSort(order, this.#scratch.subarray(start, end), end - start, this.#isAfter())
    if (sorted !== order) order.set(sorted)
  }

  #grow(needed: number): void {
    const order = new Uint32Array(Math.max(needed, Math.min(2 * this.#order.length, needed + 16 * BLOCK)))
    order.set(this.#order)
    this.#order = order
    this.#scratch = new Uint32Array(order.length)
  }

  #isAfter(): (left: number, right: number) => boolean {
    const keys = this.#keys
    const compare = this.#compareKeys
    if (compare === compareValues && keys.isOrdered) return (left, right) => keys.numberAt(left) > keys.numberAt(right)
    return (left, right) => compare(keys.at(left), keys.at(right)) > 0
  }

  #clear(): void {
    this.#share.release(this.#bytes)
    this.#bytes = 0
    this.#keys.clear()
    this.#positions.clear()
    this.#rows.clear()
  }
}

class EncodedCursor<T> implements Cursor<T> {
  value!: T
  readonly #order: Uint32Array
  readonly #length: number
  readonly #decode: (at: number) => T
  #at = 0

  constructor(order: Uint32Array, length: number, decode: (at: number) => T) {
    this.#order = order
    this.#length = length
    this.#decode = decode
  }

  next(): boolean {
    if (this.#at >= this.#length) return false
    this.value = this.#decode(this.#order[this.#at++] as number)
    return true
  }
}
