const SEGMENT_BITS = 12
const SEGMENT = 1 << SEGMENT_BITS
const MASK = SEGMENT - 1

/**
 * Keys by number, in segments that do not move as it grows. As long as all are numbers they lie outside the heap, and the segments
 * are used again.
 */
export class KeyColumn {
  #numbers: Float64Array[] = []
  /** Of all keys, once one of them is no number. */
  #values: unknown[][] | null = null
  #length = 0
  #hasNaN = false

  get length(): number {
    return this.#length
  }

  /** Whether all are numbers that `<` puts into order. */
  get isOrdered(): boolean {
    return this.#values === null && !this.#hasNaN
  }

  push(key: unknown): void {
    const at = this.#length++
    if (this.#values === null) {
      if (typeof key === 'number') {
        if (at >>> SEGMENT_BITS === this.#numbers.length) this.#numbers.push(new Float64Array(SEGMENT))
        const segment = this.#numbers[at >>> SEGMENT_BITS] as Float64Array
        segment[at & MASK] = key
        if (Number.isNaN(key)) this.#hasNaN = true
        return
      }
      this.#values = this.#boxed(at)
    }
    const segments = this.#values
    const segment = segments[at >>> SEGMENT_BITS]
    if (segment === undefined) segments[at >>> SEGMENT_BITS] = [key]
    else segment.push(key)
  }

  at(index: number): unknown {
    return this.#values === null ? this.numberAt(index) : this.#values[index >>> SEGMENT_BITS]?.[index & MASK]
  }

  /** Only while `isOrdered`. */
  numberAt(index: number): number {
    return (this.#numbers[index >>> SEGMENT_BITS] as Float64Array)[index & MASK] as number
  }

  /**
   * Puts those from `start` on into this order: what stands at `start + order[n]` comes to `start + n`. `scratch` has room for as many
   * numbers.
   */
  permute(start: number, order: Uint32Array, scratch: Float64Array): void {
    const values = this.#values
    if (values === null) {
      for (let at = 0; at < order.length; at++) scratch[at] = this.numberAt(start + (order[at] as number))
      for (let at = 0; at < order.length; at++) {
        const to = start + at
        ;(this.#numbers[to >>> SEGMENT_BITS] as Float64Array)[to & MASK] = scratch[at] as number
      }
      return
    }
    const moved = Array.from(order, (from) => this.at(start + from))
    for (let at = 0; at < moved.length; at++) {
      const to = start + at
      ;(values[to >>> SEGMENT_BITS] as unknown[])[to & MASK] = moved[at]
    }
  }

  clear(): void {
    this.#length = 0
    this.#values = null
    this.#hasNaN = false
  }

  #boxed(count: number): unknown[][] {
    const segments: unknown[][] = []
    for (let start = 0; start < count; start += SEGMENT) {
      const numbers = this.#numbers[start >>> SEGMENT_BITS] as Float64Array
      segments.push([...numbers.subarray(0, Math.min(SEGMENT, count - start))])
    }
    this.#numbers = []
    return segments
  }
}
