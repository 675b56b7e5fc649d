const FIRST_CAPACITY = 16

/**
 * A queue with two ends in a ring buffer: every operation at an end takes constant time, where `Array.shift` moves the rest.
 *
 * @example
 * const queue = new Deque<string>()
 * queue.pushBack('a')
 * queue.popFront() // 'a'
 */
export class Deque<T> {
  /** A power of two long, so that positions wrap with a mask. */
  #ring: (T | undefined)[] = new Array<T | undefined>(FIRST_CAPACITY).fill(undefined)
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  pushBack(item: T): void {
    if (this.#size === this.#ring.length) this.#grow()
    this.#ring[this.#slot(this.#size)] = item
    this.#size++
  }

  pushFront(item: T): void {
    if (this.#size === this.#ring.length) this.#grow()
    this.#head = this.#slot(-1)
    this.#ring[this.#head] = item
    this.#size++
  }

  /** Takes the first item off; undefined when the deque is empty. */
  popFront(): T | undefined {
    if (this.#size === 0) return undefined
    const item = this.#ring[this.#head]
    // A taken item must not be kept alive by the ring.
    this.#ring[this.#head] = undefined
    this.#head = this.#slot(1)
    this.#size--
    return item
  }

  /** Takes the last item off; undefined when the deque is empty. */
  popBack(): T | undefined {
    if (this.#size === 0) return undefined
    const slot = this.#slot(--this.#size)
    const item = this.#ring[slot]
    this.#ring[slot] = undefined
    return item
  }

  /** The item at this place, counted from the front; undefined outside the deque. */
  at(index: number): T | undefined {
    return index >= 0 && index < this.#size ? this.#ring[this.#slot(index)] : undefined
  }

  peekFront(): T | undefined {
    return this.at(0)
  }

  peekBack(): T | undefined {
    return this.at(this.#size - 1)
  }

  clear(): void {
    this.#ring = new Array<T | undefined>(FIRST_CAPACITY).fill(undefined)
    this.#head = 0
    this.#size = 0
  }

  /** From front to back; the deque must not change meanwhile. */
  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (let index = 0; index < this.#size; index++) yield this.#ring[this.#slot(index)] as T
  }

  #slot(index: number): number {
    return (this.#head + index) & (this.#ring.length - 1)
  }

  #grow(): void {
    const larger = new Array<T | undefined>(this.#ring.length * 2).fill(undefined)
    for (let index = 0; index < this.#size; index++) larger[index] = this.#ring[this.#slot(index)]
    this.#ring = larger
    this.#head = 0
  }
}
