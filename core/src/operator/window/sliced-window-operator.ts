import type { KeySlot } from '../../state/keyed/key-table.ts'
import type { OperatorContext } from '../operator.ts'
import type { OperatorState } from '../operator-state.ts'
import type { KeyWindows } from './cached-panes.ts'
import { DueQueue } from './due-queue.ts'
import { FiredTimes } from './fired-times.ts'
import { type KeyPanes, type Pane, SlicedKey } from './pane.ts'
import { PaneStore } from './pane-store.ts'
import { SlidingAggregate } from './sliding-aggregate.ts'
import { TimedWindowOperator } from './timed-window-operator.ts'
import type { AlignedWindows } from './window-assigner.ts'
import type { WindowGrid } from './window-grid.ts'
import type { WindowingOptions } from './windowing-operator.ts'

export interface SlicedWindowOptions extends WindowingOptions {
  readonly assigner: AlignedWindows
}

/**
 * Windows that overlap, where what they hold can be merged: a record is added once, to the slice between two bounds of
 * windows, and a window is put together from its slices when it fires. So the cost of a record does not depend on the
 * number of windows that it belongs to. In all else as `WindowOperator`.
 *
 * Slices: Krishnamurthy, Wu, Franklin, On-the-Fly Sharing for Streamed Aggregation, SIGMOD 2006.
 */
export class SlicedWindowOperator extends TimedWindowOperator {
  readonly #assigner: AlignedWindows
  readonly #merge: (left: unknown, right: unknown) => unknown
  readonly #queue = new DueQueue<SlicedKey>()
  readonly #fired = new FiredTimes()
  #grid!: WindowGrid

  /** The contents must have a `merge`. */
  constructor(options: SlicedWindowOptions) {
    super(options, options.assigner.domain)
    this.#assigner = options.assigner
    this.#merge = options.contents.merge as (left: unknown, right: unknown) => unknown
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#grid = this.#assigner.grid(context.index, context.parallelism)
  }

  override restoreOperatorState(state: OperatorState): void {
    this.#fired.restore(state)
  }

  override async open(): Promise<void> {
    await super.open()
    this.cached?.open((keyGroup) => this.#fired.of(keyGroup) + 1 + this.#delayMs)
    let slot: KeySlot<KeyPanes> | null = null
    for (const pane of this.store.restored()) {
      if (pane.slot === slot) continue
      slot = pane.slot
      const key = this.#keyOf(slot)
      key.nextEnd = this.#firstEndAfter(this.#fired.of(slot.keyGroup(this.context.maxParallelism)), slot.data.panes)
      this.#reschedule(key)
    }
    this.wakeUp()
  }

  onRecord(value: never, timestamp: number): void {
    if (this.cached !== null) {
      this.recordCached(this.cached, value, (slot) => this.#addRecord(slot, value, timestamp))
      return
    }
    try {
      this.#addRecord(this.store.table.slot(this.options.key(value)), value, timestamp)
    } catch (cause) {
      throw this.failed(cause)
    }
    if (!this.isEventTime) this.wakeUp()
  }

  override onBarrier(epoch: number): void {
    const { context } = this
    const firing = this.cached?.firing(this.#assigner.domain) ?? null
    const partly = firing && { time: firing.timeMs - this.#delayMs, keyGroup: firing.keyGroup }
    // What the clock has made due may still wait for its turn.
    const time = this.isEventTime ? this.watermark : Math.min(context.clock.now() - 1, this.nextClockMs - 2)
    context.delta.setOperatorState(context.uid, this.#fired.snapshot(context, time, partly))
    super.onBarrier(epoch)
  }

  protected override keyWindows(): KeyWindows {
    const { domain } = this.#assigner
    const dueMs = ({ data: { sliced } }: KeySlot<KeyPanes>): number =>
      sliced === null || Number.isNaN(sliced.dueMs) ? Number.POSITIVE_INFINITY : sliced.dueMs + this.#delayMs
    return {
      dueMs: (slot, asked) => (asked === domain ? dueMs(slot) : Number.POSITIVE_INFINITY),
      onDue: (slot, timeMs) => {
        for (let next = dueMs(slot); next <= timeMs; next = dueMs(slot)) {
          this.#onDue(this.#keyOf(slot), next - this.#delayMs)
        }
        if (slot.data.panes.length === 0) slot.data.sliced = null
      },
      onRead: (slot, due) => {
        const key = this.#keyOf(slot)
        // Something is due when the next window ends: all before it have fired.
        key.nextEnd = this.#firstEndAfter(due[domain] - this.#delayMs - 1, slot.data.panes)
        this.#reschedule(key)
      },
      onQueued: () => this.wakeUp(),
      storedDueMs: ({ end }, asked) => (asked === domain ? end - 1 + this.#delayMs : Number.POSITIVE_INFINITY),
      timerStates: {},
      keyStates: () => null,
      byKeyGroup: true,
    }
  }

  protected override createStore(): PaneStore {
    const { uid, maxParallelism } = this.context
    return new PaneStore(uid, '$slices', this.options.contents, maxParallelism)
  }

  /** What is due at a time of the clock is done a millisecond later: it belongs to the window. */
  get #delayMs(): number {
    return this.isEventTime ? 0 : 1
  }

  #addRecord(slot: KeySlot<KeyPanes>, value: never, timestamp: number): void {
    const time = this.timeOf(timestamp)
    const grid = this.#grid
    const firstEnd = grid.firstEnd(time)
    // In a gap between windows.
    if (grid.startOf(firstEnd) > time) return
    if (this.#isGone(grid.lastEnd(time))) this.onLate(value, timestamp)
    else this.#add(slot, value, time, firstEnd)
  }

  #add(slot: KeySlot<KeyPanes>, value: unknown, time: number, firstEnd: number): void {
    const grid = this.#grid
    const { panes } = slot.data
    const sliceEnd = grid.sliceEnd(time)
    let at = panes.length - 1
    while (at >= 0 && (panes[at] as Pane).end > sliceEnd) at--
    let slice = panes[at]
    const isNew = slice?.end !== sliceEnd
    if (slice === undefined || isNew) slice = this.store.insert(slot, at + 1, sliceEnd, grid.sliceStart(time), sliceEnd)
    slice.contents = this.options.contents.add(slice.contents, value, time)
    this.store.markDirty(slice)
    const key = this.#keyOf(slot)
    if (key.aggregate.covers(sliceEnd)) key.aggregate.forget()
    let end = firstEnd
    for (; this.#hasPassed(end) && grid.startOf(end) <= time; end = grid.nextEnd(end)) {
      if (!this.#isGone(end)) this.#fireLate(slot, end, isNew ? slice : null)
    }
    if (end >= key.nextEnd || grid.startOf(end) > time) {
      if (Number.isNaN(key.dueMs)) this.#reschedule(key)
      return
    }
    key.nextEnd = end
    this.#reschedule(key)
  }

  #keyOf(slot: KeySlot<KeyPanes>): SlicedKey {
    slot.data.sliced ??= new SlicedKey(slot, new SlidingAggregate(this.#merge))
    return slot.data.sliced
  }

  #hasPassed(end: number): boolean {
    return this.isEventTime && end - 1 <= this.watermark
  }

  /** Whether event time has passed the window and its lateness. */
  #isGone(end: number): boolean {
    return this.isEventTime && end - 1 + this.allowedLatenessMs <= this.watermark
  }

  protected override advance(upToMs: number): void {
    while (!this.#queue.isEmpty && this.#queue.nextMs <= upToMs) {
      const timeMs = this.#queue.nextMs
      for (const key of this.#queue.take()) {
        if (key.dueMs === timeMs) this.#onDue(key, timeMs)
      }
    }
  }

  #onDue(key: SlicedKey, timeMs: number): void {
    key.dueMs = Number.NaN
    const { panes } = key.slot.data
    if (key.nextEnd - 1 <= timeMs) {
      const end = key.nextEnd
      this.#fire(key, end)
      key.nextEnd = this.#endAfter(end, panes)
    }
    const keptMs = this.isEventTime && !this.isEnding ? this.allowedLatenessMs : 0
    while (panes.length > 0 && this.#grid.lastEnd((panes[0] as Pane).start) - 1 + keptMs <= timeMs) {
      this.store.remove(panes[0] as Pane)
    }
    if (panes.length > 0) this.#reschedule(key)
  }

  /** The end of the first window behind this one that holds a slice. */
  #endAfter(end: number, slices: readonly Pane[]): number {
    const next = this.#grid.nextEnd(end)
    const start = this.#grid.startOf(next)
    const slice = slices.find((candidate) => candidate.start >= start)
    if (slice === undefined) return Number.POSITIVE_INFINITY
    return slice.start < next ? next : this.#grid.firstEnd(slice.start)
  }

  /** The end of the first window that holds a slice and had not fired when time was there. */
  #firstEndAfter(time: number, slices: readonly Pane[]): number {
    for (const { start } of slices) {
      for (let end = this.#grid.firstEnd(start); this.#grid.startOf(end) <= start; end = this.#grid.nextEnd(end)) {
        if (end - 1 > time) return end
      }
    }
    return Number.POSITIVE_INFINITY
  }

  #fire(key: SlicedKey, end: number): void {
    const start = this.#grid.startOf(end)
    const contents = key.aggregate.over(start, end, key.slot.data.panes)
    if (contents === undefined) return
    this.isUpdate = false
    this.firing = 'on-time'
    this.enter(key.slot.key, start, end)
    this.emitResult(contents)
  }

  /** A window that has passed, for a record within the lateness. `added` is the slice when there was none before. */
  #fireLate(slot: KeySlot<KeyPanes>, end: number, added: Pane | null): void {
    const start = this.#grid.startOf(end)
    let contents: unknown
    this.isUpdate = false
    for (const slice of slot.data.panes) {
      if (slice.start < start || slice.end > end) continue
      contents = this.#merge(contents, slice.contents)
      if (slice !== added) this.isUpdate = true
    }
    this.firing = 'late'
    this.enter(slot.key, start, end)
    this.emitResult(contents)
  }

  #reschedule(key: SlicedKey): void {
    const { panes } = key.slot.data
    const dueMs =
      key.nextEnd === Number.POSITIVE_INFINITY
        ? this.#grid.lastEnd((panes.at(-1) as Pane).start) - 1 + this.allowedLatenessMs
        : key.nextEnd - 1
    if (this.cached !== null) key.dueMs = dueMs
    else if (dueMs !== key.dueMs) this.#queue.add(key, dueMs)
  }

  protected override get nextDueMs(): number {
    return this.#queue.nextMs
  }
}
