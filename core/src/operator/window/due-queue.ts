/** What is due at a time; an entry of the queue for another time than this is stale. */
export interface Due {
  dueMs: number
}

/** Windows, or keys with windows, by the time at which they are due. */
export class DueQueue<T extends Due> {
  readonly #buckets = new TimeBuckets<T>()

  get isEmpty(): boolean {
    return this.#buckets.isEmpty
  }

  get nextMs(): number {
    return this.#buckets.nextMs
  }

  add(item: T, dueMs: number): void {
    item.dueMs = dueMs
    this.#buckets.add(item, dueMs)
  }

  /** Takes off what is due first; stale entries are among it. */
  take(): readonly T[] {
    return this.#buckets.take()
  }
}

/**
 * Items by time. Those of one time share one place in the heap, since windows at fixed places end together for all keys.
 */
export class TimeBuckets<T> {
  readonly #buckets = new Map<number, T[]>()
  /** The distinct times, a binary heap. */
  readonly #times: number[] = []

  get isEmpty(): boolean {
    return this.#times.length === 0
  }

  get nextMs(): number {
    return this.#times.length === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] as number)
  }

  add(item: T, timeMs: number): void {
    const bucket = this.#buckets.get(timeMs)
    if (bucket !== undefined) {
      bucket.push(item)
      return
    }
    this.#buckets.set(timeMs, [item])
    this.#push(timeMs)
  }

  /** Takes off what is first in time. */
  take(): readonly T[] {
    const timeMs = this.#times[0] as number
    this.#pop()
    const bucket = this.#buckets.get(timeMs) as T[]
    this.#buckets.delete(timeMs)
    return bucket
  }

  #push(timeMs: number): void {
    const times = this.#times
    let at = times.length
    times.push(timeMs)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if ((times[parent] as number) <= timeMs) break
      times[at] = times[parent] as number
      at = parent
    }
    times[at] = timeMs
  }

  #pop(): void {
    const times = this.#times
    const last = times.pop() as number
    if (times.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= times.length) break
      if (child + 1 < times.length && (times[child + 1] as number) < (times[child] as number)) child++
      if (last <= (times[child] as number)) break
      times[at] = times[child] as number
      at = child
    }
    times[at] = last
  }
}
