import type { Cursor } from './cursor.ts'

/** Sorted inputs as one; of values with equal keys those of the earlier input come first. A binary heap of the inputs. */
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
  /** Indices of inputs that have a value, the least at the root. */
  readonly #heap: number[] = []
  #started = false

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
    if (!this.#started) this.#start()
    else this.#advance()
    const top = this.#heap[0]
    if (top === undefined) return false
    this.value = (this.#inputs[top] as Cursor<T>).value
    return true
  }

  #start(): void {
    this.#started = true
    for (const index of this.#inputs.keys()) if (this.#read(index)) this.#heap.push(index)
    for (let at = (this.#heap.length >> 1) - 1; at >= 0; at--) this.#sink(at)
  }

  #advance(): void {
    const top = this.#heap[0]
    if (top === undefined) return
    if (!this.#read(top)) {
      const last = this.#heap.pop() as number
      if (this.#heap.length === 0) return
      this.#heap[0] = last
    }
    this.#sink(0)
  }

  #read(index: number): boolean {
    const input = this.#inputs[index] as Cursor<T>
    if (!input.next()) return false
    this.#keys[index] = this.#key(input.value)
    return true
  }

  #sink(from: number): void {
    const heap = this.#heap
    const moving = heap[from] as number
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && this.#isBefore(heap[child + 1] as number, heap[child] as number)) child++
      if (!this.#isBefore(heap[child] as number, moving)) break
      heap[at] = heap[child] as number
      at = child
    }
    heap[at] = moving
  }

  #isBefore(left: number, right: number): boolean {
    const order = this.#compareKeys(this.#keys[left], this.#keys[right])
    return order < 0 || (order === 0 && left < right)
  }
}
