/** Events of one key that wait for the watermark, to be taken in the order of their times. */
export class EventQueue {
  #events: unknown[] = []
  #timestamps: number[] = []
  /** They are in order, ties included. */
  #isSorted = true

  get size(): number {
    return this.#events.length
  }

  /** The least time; the queue must be sorted and not empty. */
  get firstMs(): number {
    return this.#timestamps[0] as number
  }

  get events(): readonly unknown[] {
    return this.#events
  }

  get timestamps(): readonly number[] {
    return this.#timestamps
  }

  push(event: unknown, timestamp: number, hasOrder: boolean): void {
    const last = this.#timestamps.length - 1
    if (last >= 0) {
      const lastMs = this.#timestamps[last] as number
      if (timestamp < lastMs || (hasOrder && timestamp === lastMs)) this.#isSorted = false
    }
    this.#events.push(event)
    this.#timestamps.push(timestamp)
  }

  /** Those of one time stay as they came, or are put in the given order. */
  sort(order: ((a: never, b: never) => number) | null): void {
    if (this.#isSorted) return
    const places = this.#timestamps.map((_, at) => at)
    const compare = order as ((a: unknown, b: unknown) => number) | null
    places.sort((a, b) => {
      const difference = (this.#timestamps[a] as number) - (this.#timestamps[b] as number)
      if (difference !== 0 || compare === null) return difference
      return compare(this.#events[a], this.#events[b])
    })
    this.#events = places.map((at) => this.#events[at])
    this.#timestamps = places.map((at) => this.#timestamps[at] as number)
    this.#isSorted = true
  }

  /** How many are due; the queue must be sorted. */
  countUpTo(timeMs: number): number {
    const { length } = this.#timestamps
    let count = 0
    while (count < length && (this.#timestamps[count] as number) <= timeMs) count++
    return count
  }

  /** Takes the first ones out. */
  drop(count: number): void {
    if (count === this.#events.length) {
      this.#events = []
      this.#timestamps = []
    } else if (count > 0) {
      this.#events.splice(0, count)
      this.#timestamps.splice(0, count)
    }
  }
}
