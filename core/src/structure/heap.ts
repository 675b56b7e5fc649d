/**
 * A binary min heap. Items that compare equal come out in the order in which they were pushed, so that what it drives does
 * the same in every run.
 *
 * Source: J. W. J. Williams, Heapsort (1964), with a serial number as the second key.
 *
 * @example
 * const heap = new Heap<Timer>((a, b) => a.timeMs - b.timeMs)
 * heap.push(timer)
 * heap.peek() // the earliest one
 */
export class Heap<T> {
  readonly #compare: (a: T, b: T) => number
  readonly #items: T[] = []
  readonly #serials: number[] = []
  #serial = 0

  /** `compare` is negative when `a` is to come out before `b`. */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare
  }

  get size(): number {
    return this.#items.length
  }

  /** The least item, which stays; undefined when the heap is empty. */
  peek(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    this.#items.push(item)
    this.#serials.push(this.#serial++)
    this.#rise(this.#items.length - 1)
  }

  /** Takes the least item off; undefined when the heap is empty. */
  pop(): T | undefined {
    const size = this.#items.length - 1
    if (size < 0) return undefined
    this.#swap(0, size)
    const least = this.#items.pop()
    this.#serials.pop()
    this.#sink(0)
    return least
  }

  clear(): void {
    this.#items.length = 0
    this.#serials.length = 0
  }

  /** Keeps the items for which `isWanted` holds; linear in the size. */
  retain(isWanted: (item: T) => boolean): void {
    let kept = 0
    for (let at = 0; at < this.#items.length; at++) {
      if (isWanted(this.#items[at] as T)) this.#swap(kept++, at)
    }
    this.#items.length = kept
    this.#serials.length = kept
    for (let at = (kept >> 1) - 1; at >= 0; at--) this.#sink(at)
  }

  #rise(from: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#isBefore(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #sink(from: number): void {
    const size = this.#items.length
    let at = from
    for (;;) {
      const left = 2 * at + 1
      if (left >= size) return
      const right = left + 1
      const least = right < size && this.#isBefore(right, left) ? right : left
      if (!this.#isBefore(least, at)) return
      this.#swap(at, least)
      at = least
    }
  }

  #isBefore(a: number, b: number): boolean {
    const order = this.#compare(this.#items[a] as T, this.#items[b] as T)
    return order < 0 || (order === 0 && (this.#serials[a] as number) < (this.#serials[b] as number))
  }

  #swap(a: number, b: number): void {
    const item = this.#items[a] as T
    this.#items[a] = this.#items[b] as T
    this.#items[b] = item
    const serial = this.#serials[a] as number
    this.#serials[a] = this.#serials[b] as number
    this.#serials[b] = serial
  }
}
