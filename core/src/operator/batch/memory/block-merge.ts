import type { KeyColumn } from './key-column.ts'
import { MergeHeap } from './merge-heap.ts'

/**
 * The places of a column whose blocks are in order each, in the order of all of it; of equal keys those of the earlier block come first.
 * What is compared is near together, and each block is read from its beginning to its end.
 */
export class BlockMerge {
  readonly #keys: KeyColumn
  /** Null for numbers in their usual order. */
  readonly #compare: ((left: unknown, right: unknown) => number) | null
  /** Of each block: the place that it stands at, the first behind it, and the key there. */
  readonly #places: Uint32Array
  readonly #ends: Uint32Array
  readonly #numbers: Float64Array
  readonly #values: unknown[]
  readonly #heap: MergeHeap

  constructor(keys: KeyColumn, blockLength: number, compare: ((left: unknown, right: unknown) => number) | null) {
    const blocks = Array.from({ length: Math.ceil(keys.length / blockLength) }, (_, block) => block)
    this.#keys = keys
    this.#compare = compare
    this.#places = Uint32Array.from(blocks, (block) => block * blockLength)
    this.#ends = Uint32Array.from(blocks, (block) => Math.min((block + 1) * blockLength, keys.length))
    this.#numbers = new Float64Array(blocks.length)
    this.#values = blocks.map(() => undefined)
    for (const block of blocks) this.#look(block)
    const [numbers, values] = [this.#numbers, this.#values]
    const byNumber = (left: number, right: number): number => {
      const one = numbers[left] as number
      const other = numbers[right] as number
      return one < other ? -1 : one > other ? 1 : 0
    }
    this.#heap = new MergeHeap(
      blocks,
      compare === null ? byNumber : (left, right) => compare(values[left], values[right]),
    )
  }

  /** The next place, or -1. */
  next(): number {
    const block = this.#heap.top
    if (block < 0) return -1
    const place = this.#places[block] as number
    this.#places[block] = place + 1
    const hasMore = place + 1 < (this.#ends[block] as number)
    if (hasMore) this.#look(block)
    this.#heap.moved(hasMore)
    return place
  }

  #look(block: number): void {
    const place = this.#places[block] as number
    if (this.#compare === null) this.#numbers[block] = this.#keys.numberAt(place)
    else this.#values[block] = this.#keys.at(place)
  }
}
