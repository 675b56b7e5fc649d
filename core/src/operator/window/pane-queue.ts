import type { Pane } from './pane.ts'

/**
 * Panes by the time at which they are due. Panes that are due together share one place in the heap, since windows at
 * fixed places end together for all keys.
 */
export class PaneQueue {
  readonly #buckets = new Map<number, Pane[]>()
  /** The distinct times, a binary heap. */
  readonly #times: number[] = []

  get isEmpty(): boolean {
    return this.#times.length === 0
  }

  get nextMs(): number {
    return this.#times.length === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] as number)
  }

  add(pane: Pane, dueMs: number): void {
    pane.dueMs = dueMs
    const bucket = this.#buckets.get(dueMs)
    if (bucket !== undefined) {
      bucket.push(pane)
      return
    }
    this.#buckets.set(dueMs, [pane])
    this.#push(dueMs)
  }

  /** Takes off the panes that are due first; entries of panes that are due at another time now are among them. */
  take(): readonly Pane[] {
    const timeMs = this.#times[0] as number
    this.#pop()
    const bucket = this.#buckets.get(timeMs) as Pane[]
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
