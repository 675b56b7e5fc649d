/** An event that waits for the watermark. */
export interface WaitingEvent {
  readonly event: unknown
  readonly timestamp: number
}

const NONE: WaitingEvent[] = []

/** Events of one key that wait for the watermark, to be taken in the order of their times. */
export class EventQueue {
  #waiting: WaitingEvent[] = NONE
  /** They are in order, ties included. */
  #isSorted = true

  get size(): number {
    return this.#waiting.length
  }

  /** The least time; the queue must be sorted and not empty. */
  get firstMs(): number {
    return (this.#waiting[0] as WaitingEvent).timestamp
  }

  get events(): readonly WaitingEvent[] {
    return this.#waiting
  }

  push(event: unknown, timestamp: number, hasOrder: boolean): void {
    const { length } = this.#waiting
    if (length === 0) {
      // Most keys have one event between two watermarks: a list of just that.
      this.#waiting = [{ event, timestamp }]
      return
    }
    const lastMs = (this.#waiting[length - 1] as WaitingEvent).timestamp
    if (timestamp < lastMs || (hasOrder && timestamp === lastMs)) this.#isSorted = false
    this.#waiting.push({ event, timestamp })
  }

  /** Those of one time stay as they came, or are put in the given order. */
  sort(order: ((a: never, b: never) => number) | null): void {
    if (this.#isSorted) return
    const compare = order as ((a: unknown, b: unknown) => number) | null
    this.#waiting.sort((a, b) => a.timestamp - b.timestamp || (compare === null ? 0 : compare(a.event, b.event)))
    this.#isSorted = true
  }

  /** How many are due; the queue must be sorted. */
  countUpTo(timeMs: number): number {
    const { length } = this.#waiting
    let count = 0
    while (count < length && (this.#waiting[count] as WaitingEvent).timestamp <= timeMs) count++
    return count
  }

  /** Takes the first ones out. */
  drop(count: number): void {
    if (count === this.#waiting.length) this.#waiting = NONE
    else if (count > 0) this.#waiting.splice(0, count)
  }
}
