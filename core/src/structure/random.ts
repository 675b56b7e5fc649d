/**
 * A seeded sequence of pseudo-random numbers: the same seed gives the same sequence, on every machine.
 * For simulations and sampling; not for secrets.
 *
 * Source: sfc32 from PractRand (C. Doty-Humphrey), seeded through splitmix32.
 *
 * @example
 * const random = new Random(42)
 * random.integer(6) // 0 … 5, the same ones in every run
 */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    let state = seed | 0
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0
      let mixed = state ^ (state >>> 16)
      mixed = Math.imul(mixed, 0x21f0aaad)
      mixed ^= mixed >>> 15
      mixed = Math.imul(mixed, 0x735a2d97)
      return mixed ^ (mixed >>> 15)
    }
    this.#a = next()
    this.#b = next()
    this.#c = next()
    // Nearby seeds begin alike; a dozen rounds spread them.
    for (let round = 0; round < 12; round++) this.uint32()
  }

  /** An integer of 32 bits, without sign. */
  uint32(): number {
    const result = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + result) | 0
    return result >>> 0
  }

  /** A number in [0, 1). */
  next(): number {
    return this.uint32() / 0x1_0000_0000
  }

  /** An integer in [0, bound); `bound` is at most 2^32. */
  integer(bound: number): number {
    return Math.floor(this.next() * bound)
  }

  /** An integer in [from, to]. */
  between(from: number, to: number): number {
    return from + this.integer(to - from + 1)
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** @throws RangeError for an empty list */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('cannot pick from an empty list')
    return items[this.integer(items.length)] as T
  }

  /** A new list with the same items in another order (Fisher and Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const result = [...items]
    for (let index = result.length - 1; index > 0; index--) {
      const other = this.integer(index + 1)
      const item = result[index] as T
      result[index] = result[other] as T
      result[other] = item
    }
    return result
  }

  /** A generator of its own, whose sequence does not depend on how much is drawn from this one later. */
  fork(): Random {
    return new Random(this.uint32())
  }
}
