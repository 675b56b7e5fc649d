import type { Pane } from './pane.ts'

type Merge = (left: unknown, right: unknown) => unknown

/**
 * The aggregate over a window that moves forward over slices, with two merges for each move on average, however many
 * slices the window spans: aggregates of the slices from each one up to a turning point, and one of those behind it.
 *
 * Two stacks: Tangwongsan, Hirzel, Schneider, Low-Latency Sliding-Window Aggregation in Worst-Case Constant Time, DEBS 2017.
 */
export class SlidingAggregate {
  readonly #merge: Merge
  /** Of the slices before the turning point, the last of them first: aggregates from the slice's start to the turning point. */
  readonly #front: { readonly start: number; readonly aggregate: unknown }[] = []
  #back: unknown = undefined
  #turningPoint = Number.NEGATIVE_INFINITY
  #end = Number.NEGATIVE_INFINITY

  constructor(merge: Merge) {
    this.#merge = merge
  }

  /** Must be called when a slice that has been counted in was changed. */
  forget(): void {
    this.#front.length = 0
    this.#back = undefined
    this.#turningPoint = Number.NEGATIVE_INFINITY
    this.#end = Number.NEGATIVE_INFINITY
  }

  /** Whether a slice that ends here may have been counted in. */
  covers(end: number): boolean {
    return end <= this.#end
  }

  /** The aggregate over the slices within the window, which neither begins nor ends before the last one did. */
  over(start: number, end: number, slices: readonly Pane[]): unknown {
    while (this.#front.length > 0 && (this.#front.at(-1) as { start: number }).start < start) this.#front.pop()
    if (this.#front.length === 0 && start > this.#turningPoint) this.#turn(start, end, slices)
    else this.#extend(end, slices)
    this.#end = end
    const front = this.#front.at(-1)
    // Both are merged into a new one: the function that reads the result may keep it, or change it.
    const merged = front === undefined ? undefined : this.#merge(undefined, front.aggregate)
    return this.#back === undefined ? merged : this.#merge(merged, this.#back)
  }

  /** Counts in what has come since the last window. */
  #extend(end: number, slices: readonly Pane[]): void {
    let at = slices.length
    while (at > 0 && (slices[at - 1] as Pane).start >= this.#end) at--
    for (; at < slices.length && (slices[at] as Pane).end <= end; at++) {
      this.#back = this.#merge(this.#back, (slices[at] as Pane).contents)
    }
  }

  #turn(start: number, end: number, slices: readonly Pane[]): void {
    this.#back = undefined
    this.#turningPoint = end
    let aggregate: unknown
    for (let at = slices.length - 1; at >= 0; at--) {
      const slice = slices[at] as Pane
      if (slice.end > end) continue
      if (slice.start < start) break
      const own = this.#merge(undefined, slice.contents)
      aggregate = aggregate === undefined ? own : this.#merge(own, aggregate)
      this.#front.push({ start: slice.start, aggregate })
    }
  }
}
