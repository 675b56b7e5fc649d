import type { Serde } from '../../../serde/serde.ts'
import { BlockMerge } from './block-merge.ts'
import { compareValues } from './compare-values.ts'
import type { Cursor } from './cursor.ts'
import { ChunkPool, EncodedRows } from './encoded-rows.ts'
import { KeyColumn } from './key-column.ts'
import { mergeSort } from './merge-sort.ts'
import { sizeOf } from './size-of.ts'
import { SpillFile } from './spill-file.ts'
import type { MemoryShare } from './task-memory.ts'

/** A position and a key. */
const BOOKKEEPING_BYTES = 8 + 8

/**
 * So many records are sorted as they come, so that little is left to be done at once in the end (a task that is busy is not heard), and
 * while their keys are near to the processor.
 */
const BLOCK = 1 << 16

/** Records that are held as bytes, with their keys beside them: in blocks that are in order, and are merged when they are read. */
export class EncodedRun<T> {
  readonly #key: (value: T) => unknown
  readonly #compareKeys: (left: unknown, right: unknown) => number
  readonly #serde: Serde<T>
  readonly #share: MemoryShare
  readonly #rows: EncodedRows<T>
  readonly #keys = new KeyColumn()
  /** Positions are numbers as well. */
  readonly #positions = new KeyColumn()
  /** For one block, used again. */
  #order = new Uint32Array(0)
  #scratch = new Uint32Array(0)
  #moved = new Float64Array(0)
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

  /** Everything in order, equal keys as they came; as long as nothing is added. */
  sorted(): Cursor<T> {
    const merge = this.#merge()
    return new EncodedCursor(merge, (at) => this.#rows.decode(this.#positions.numberAt(at)))
  }

  /** Writes everything in order, and holds nothing then. */
  spill(): SpillFile<T> {
    const file = new SpillFile(this.#serde, this.#share)
    const merge = this.#merge()
    for (let at = merge.next(); at >= 0; at = merge.next()) this.#rows.copy(this.#positions.numberAt(at), file)
    file.finish()
    this.#clear()
    return file
  }

  close(): void {
    this.#clear()
  }

  #merge(): BlockMerge {
    const rest = this.length % BLOCK
    if (rest > 0) this.#sortBlock(this.length - rest)
    return new BlockMerge(this.#keys, BLOCK, this.#ordersNumbers ? null : this.#compareKeys)
  }

  /** Puts the records from `start` on, the last block, into order. */
  #sortBlock(start: number): void {
    const count = this.length - start
    if (count > this.#order.length) {
      this.#order = new Uint32Array(count)
      this.#scratch = new Uint32Array(count)
      this.#moved = new Float64Array(count)
    }
    const order = this.#order.subarray(0, count)
    for (let at = 0; at < count; at++) order[at] = at
    const sorted = mergeSort(order, this.#scratch.subarray(0, count), count, this.#isAfter(start))
    this.#keys.permute(start, sorted, this.#moved)
    this.#positions.permute(start, sorted, this.#moved)
  }

  #isAfter(start: number): (left: number, right: number) => boolean {
    const keys = this.#keys
    if (this.#ordersNumbers) return (left, right) => keys.numberAt(start + left) > keys.numberAt(start + right)
    const compare = this.#compareKeys
    return (left, right) => compare(keys.at(start + left), keys.at(start + right)) > 0
  }

  /** Whether all keys are numbers in their usual order. */
  get #ordersNumbers(): boolean {
    return this.#compareKeys === compareValues && this.#keys.isOrdered
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
  readonly #merge: BlockMerge
  readonly #decode: (at: number) => T

  constructor(merge: BlockMerge, decode: (at: number) => T) {
    this.#merge = merge
    this.#decode = decode
  }

  next(): boolean {
    const at = this.#merge.next()
    if (at < 0) return false
    this.value = this.#decode(at)
    return true
  }
}
