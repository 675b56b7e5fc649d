import type { KeySlot } from '../state/keyed/key-table.ts'
import type { Cells } from '../state/keyed/keyed-states.ts'

/** Timers by time, those of one time in the order of registration: a binary heap without objects for its entries. */
export class TimerQueue {
  readonly #times: number[] = []
  readonly #orders: number[] = []
  readonly #slots: KeySlot<Cells>[] = []
  #order = 0

  get size(): number {
    return this.#times.length
  }

  /** Time of the earliest timer; infinity when there is none. */
  get nextMs(): number {
    return this.#times.length === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] as number)
  }

  push(timeMs: number, slot: KeySlot<Cells>): void {
    const times = this.#times
    let at = times.length
    times.push(timeMs)
    this.#orders.push(this.#order++)
    this.#slots.push(slot)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#isBefore(at, parent)) break
      this.#swap(at, parent)
      at = parent
    }
  }

  /** Takes the earliest timer off; it must not be empty. */
  pop(): KeySlot<Cells> {
    const last = this.#times.length - 1
    this.#swap(0, last)
    this.#times.pop()
    this.#orders.pop()
    const slot = this.#slots.pop() as KeySlot<Cells>
    this.#sink(0, last)
    return slot
  }

  /** Visits timers up to a time, in no particular order though the earliest first, until `visit` says false. */
  visitDue(upToMs: number, visit: (timeMs: number, slot: KeySlot<Cells>) => boolean): void {
    const places = [0]
    for (const at of places) {
      const timeMs = this.#times[at]
      if (timeMs === undefined || timeMs > upToMs) continue
      if (!visit(timeMs, this.#slots[at] as KeySlot<Cells>)) return
      places.push(2 * at + 1, 2 * at + 2)
    }
  }

  /** Whose timer is the earliest; there must be one. */
  get next(): KeySlot<Cells> {
    return this.#slots[0] as KeySlot<Cells>
  }

  /** Drops what is not wanted any more; the order of the rest stays. */
  retain(isWanted: (timeMs: number, slot: KeySlot<Cells>) => boolean): void {
    let kept = 0
    for (let at = 0; at < this.#times.length; at++) {
      if (isWanted(this.#times[at] as number, this.#slots[at] as KeySlot<Cells>)) this.#swap(kept++, at)
    }
    this.#times.length = kept
    this.#orders.length = kept
    this.#slots.length = kept
    for (let at = (kept >> 1) - 1; at >= 0; at--) this.#sink(at, kept)
  }

  #sink(from: number, size: number): void {
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
    const difference = (this.#times[a] as number) - (this.#times[b] as number)
    return difference < 0 || (difference === 0 && (this.#orders[a] as number) < (this.#orders[b] as number))
  }

  #swap(a: number, b: number): void {
    swap(this.#times, a, b)
    swap(this.#orders, a, b)
    swap(this.#slots, a, b)
  }
}

function swap<T>(list: T[], a: number, b: number): void {
  const held = list[a] as T
  list[a] = list[b] as T
  list[b] = held
}
