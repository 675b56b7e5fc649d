import type { Cursor } from './cursor.ts'

/** Sorted inputs as one; of equal values those of the earlier input come first. A binary heap of the inputs. */
export function mergeCursors<T>(inputs: readonly Cursor<T>[], compare: (left: T, right: T) => number): Cursor<T> {
  return new MergeCursor(inputs, compare)
}

class MergeCursor<T> implements Cursor<T> {
  value!: T
  readonly #inputs: readonly Cursor<T>[]
  readonly #compare: (left: T, right: T) => number
  /** Indices of inputs that have a value, the least at the root. */
  readonly #heap: number[] = []
  #started = false

  constructor(inputs: readonly Cursor<T>[], compare: (left: T, right: T) => number) {
    this.#inputs = inputs
    this.#compare = compare
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
    this.#inputs.forEach((input, index) => {
      if (input.next()) this.#heap.push(index)
    })
    for (let at = (this.#heap.length >> 1) - 1; at >= 0; at--) this.#sink(at)
  }

  #advance(): void {
    const top = this.#heap[0]
    if (top === undefined) return
    if (!(this.#inputs[top] as Cursor<T>).next()) {
      const last = this.#heap.pop() as number
      if (this.#heap.length === 0) return
      this.#heap[0] = last
    }
    this.#sink(0)
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
    const order = this.#compare((this.#inputs[left] as Cursor<T>).value, (this.#inputs[right] as Cursor<T>).value)
    return order < 0 || (order === 0 && left < right)
  }
}
