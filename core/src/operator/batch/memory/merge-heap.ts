/**
 * The inputs of a merge by their numbers, of those that have something left the first one on top. Of equal ones that with the lower number
 * comes first. A binary heap.
 *
 * Source: D. Knuth, The Art of Computer Programming, vol. 3, 5.4.1.
 */
export class MergeHeap {
  readonly #inputs: Uint32Array
  readonly #compare: (left: number, right: number) => number
  #size: number

  /** `compare` looks at where two inputs stand. */
  constructor(inputs: readonly number[], compare: (left: number, right: number) => number) {
    this.#inputs = Uint32Array.from(inputs)
    this.#compare = compare
    this.#size = inputs.length
    for (let at = (this.#size >> 1) - 1; at >= 0; at--) this.#sink(at)
  }

  /** -1 when all have ended. */
  get top(): number {
    return this.#size === 0 ? -1 : (this.#inputs[0] as number)
  }

  /** The input on top stands elsewhere now, or has ended. */
  moved(hasMore: boolean): void {
    if (!hasMore) this.#inputs[0] = this.#inputs[--this.#size] as number
    this.#sink(0)
  }

  #sink(from: number): void {
    const inputs = this.#inputs
    const size = this.#size
    const moving = inputs[from] as number
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= size) break
      if (child + 1 < size && this.#isBefore(inputs[child + 1] as number, inputs[child] as number)) child++
      if (!this.#isBefore(inputs[child] as number, moving)) break
      inputs[at] = inputs[child] as number
      at = child
    }
    inputs[at] = moving
  }

  #isBefore(left: number, right: number): boolean {
    const order = this.#compare(left, right)
    return order < 0 || (order === 0 && left < right)
  }
}
