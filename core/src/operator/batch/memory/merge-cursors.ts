import type { Cursor } from './cursor.ts'
import { MergeHeap } from './merge-heap.ts'

/** Sorted inputs as one; of values with equal keys those of the earlier input come first. */
export function mergeCursors<T>(
  inputs: readonly Cursor<T>[],
  key: (value: T) => unknown,
  compareKeys: (left: unknown, right: unknown) => number,
): Cursor<T> {
  return new MergeCursor(inputs, key, compareKeys)
}

class MergeCursor<T> implements Cursor<T> {
  value!: T
  readonly #inputs: readonly Cursor<T>[]
  readonly #key: (value: T) => unknown
  readonly #compareKeys: (left: unknown, right: unknown) => number
  /** Of the value that each input stands at. */
  readonly #keys: unknown[]
  /** Null before the first value. */
  #heap: MergeHeap | null = null

  constructor(
    inputs: readonly Cursor<T>[],
    key: (value: T) => unknown,
    compareKeys: (left: unknown, right: unknown) => number,
  ) {
    this.#inputs = inputs
    this.#key = key
    this.#compareKeys = compareKeys
    this.#keys = inputs.map(() => undefined)
  }

  next(): boolean {
    if (this.#heap === null) this.#heap = this.#start()
    else if (this.#heap.top >= 0) this.#heap.moved(this.#read(this.#heap.top))
    const { top } = this.#heap
    if (top < 0) return false
    this.value = (this.#inputs[top] as Cursor<T>).value
    return true
  }

  #start(): MergeHeap {
    const begun = [...this.#inputs.keys()].filter((index) => this.#read(index))
    return new MergeHeap(begun, (left, right) => this.#compareKeys(this.#keys[left], this.#keys[right]))
  }

  #read(index: number): boolean {
    const input = this.#inputs[index] as Cursor<T>
    if (!input.next()) return false
    this.#keys[index] = this.#key(input.value)
    return true
  }
}
