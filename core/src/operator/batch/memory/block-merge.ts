import type { KeyColumn } from './key-column.ts'

/**
 * The places of a column whose blocks are in order each, in the order of all of it; of equal keys those of the earlier block come first.
 * A binary heap of the blocks: what is compared is near together, and each block is read from its beginning to its end.
 *
 * Source: D. Knuth, The Art of Computer Programming, vol. 3, 5.4.1.
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
  /** Blocks that have something left, the least at the root. */
  readonly #heap: Uint32Array
  #size: number

  constructor(keys: KeyColumn, blockLength: number, compare: ((left: unknown, right: unknown) => number) | null) {
    const blocks = Math.ceil(keys.length / blockLength)
    this.#keys = keys
    this.#compare = compare
    this.#places = Uint32Array.from({ length: blocks }, (_, block) => block * blockLength)
    this.#ends = Uint32Array.from({ length: blocks }, (_, block) => Math.min((block + 1) * blockLength, keys.length))
    this.#numbers = new Float64Array(blocks)
    this.#values = new Array<unknown>(blocks).fill(undefined)
    this.#heap = Uint32Array.from({ length: blocks }, (_, block) => block)
    this.#size = blocks
    for (let block = 0; block < blocks; block++) this.#look(block)
    for (let at = (blocks >> 1) - 1; at >= 0; at--) this.#sink(at)
  }

  /** The next place, or -1. */
  next(): number {
    if (this.#size === 0) return -1
    const block = this.#heap[0] as number
    const place = this.#places[block] as number
    this.#places[block] = place + 1
    if (place + 1 < (this.#ends[block] as number)) this.#look(block)
    else this.#heap[0] = this.#heap[--this.#size] as number
    this.#sink(0)
    return place
  }

  #look(block: number): void {
    const place = this.#places[block] as number
    if (this.#compare === null) this.#numbers[block] = this.#keys.numberAt(place)
    else this.#values[block] = this.#keys.at(place)
  }

  #sink(from: number): void {
    const heap = this.#heap
    const size = this.#size
    const moving = heap[from] as number
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= size) break
      if (child + 1 < size && this.#isBefore(heap[child + 1] as number, heap[child] as number)) child++
      if (!this.#isBefore(heap[child] as number, moving)) break
      heap[at] = heap[child] as number
      at = child
    }
    heap[at] = moving
  }

  #isBefore(left: number, right: number): boolean {
    if (this.#compare === null) {
      const one = this.#numbers[left] as number
      const other = this.#numbers[right] as number
      return one < other || (one === other && left < right)
    }
    const order = this.#compare(this.#values[left], this.#values[right])
    return order < 0 || (order === 0 && left < right)
  }
}
