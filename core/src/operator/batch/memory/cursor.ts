/** Values one after the other: `next` moves to the first, then on; `value` is where it stands. */
export interface Cursor<T> {
  readonly value: T
  next(): boolean
}

export class ArrayCursor<T> implements Cursor<T> {
  value!: T
  readonly #values: readonly T[]
  #at = 0

  constructor(values: readonly T[]) {
    this.#values = values
  }

  next(): boolean {
    if (this.#at >= this.#values.length) return false
    this.value = this.#values[this.#at++] as T
    return true
  }
}
