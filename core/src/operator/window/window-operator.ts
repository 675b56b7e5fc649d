import type { KeySlot } from '../../state/keyed/key-table.ts'
import type { OperatorContext } from '../operator.ts'
import type { KeyWindows } from './cached-panes.ts'
import { DueQueue } from './due-queue.ts'
import type { KeyPanes, Pane } from './pane.ts'
import { TimedWindowOperator } from './timed-window-operator.ts'
import type { AlignedWindows, SessionWindows } from './window-assigner.ts'
import type { FiringTime } from './window-function.ts'
import type { WindowGrid } from './window-grid.ts'
import type { WindowingOptions } from './windowing-operator.ts'

export interface WindowOptions extends WindowingOptions {
  readonly assigner: AlignedWindows | SessionWindows
}

/**
 * Gathers the records of each key in windows and fires them when time has passed their end. A record is late when even
 * the allowed lateness of all its windows has passed; it is counted and goes to the late side output.
 * Records that come after the firing, but within the lateness, fire the window again at once.
 *
 * Watermark semantics: Akidau et al., The Dataflow Model, VLDB 2015.
 */
export class WindowOperator extends TimedWindowOperator {
  readonly #assigner: AlignedWindows | SessionWindows
  readonly #queue = new DueQueue<Pane>()
  #grid: WindowGrid | null = null

  constructor(options: WindowOptions) {
    super(options, options.assigner.domain)
    this.#assigner = options.assigner
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    if (this.#assigner.kind !== 'session') this.#grid = this.#assigner.grid(context.index, context.parallelism)
  }

  override async open(): Promise<void> {
    await super.open()
    this.cached?.open()
    for (const pane of this.store.restored()) this.#enqueue(pane)
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

  protected override keyWindows(): KeyWindows {
    const { domain } = this.#assigner
    // What is due at a time of the clock is done a millisecond later: it belongs to the window.
    const delayMs = domain === 'event' ? 0 : 1
    return {
      dueMs: ({ data }, asked) => (asked === domain ? leastDue(data.panes) + delayMs : Number.POSITIVE_INFINITY),
      onDue: ({ data }, timeMs) => {
        for (let dueMs = leastDue(data.panes); dueMs + delayMs <= timeMs; dueMs = leastDue(data.panes)) {
          for (const pane of [...data.panes]) if (pane.dueMs === dueMs) this.#onDue(pane, dueMs)
        }
      },
      onRead: ({ data }) => {
        for (const pane of data.panes) this.#enqueue(pane)
      },
      storedDueMs: ({ end, fired }, asked) =>
        asked === domain ? end - 1 + delayMs + (fired ? this.allowedLatenessMs : 0) : Number.POSITIVE_INFINITY,
      onQueued: () => this.wakeUp(),
      timerStates: {},
      keyStates: () => null,
      byKeyGroup: false,
    }
  }

  #addRecord(slot: KeySlot<KeyPanes>, value: never, timestamp: number): void {
    const time = this.timeOf(timestamp)
    const grid = this.#grid
    const isTaken = grid === null ? this.#addToSession(slot, value, time) : this.#addToAligned(slot, value, time, grid)
    if (!isTaken) this.onLate(value, timestamp)
  }

  #addToAligned(slot: KeySlot<KeyPanes>, value: unknown, time: number, grid: WindowGrid): boolean {
    const { panes } = slot.data
    const firstEnd = grid.firstEnd(time)
    // Slides that are longer than the size leave gaps; records in a gap belong to no window and are not late.
    let isTaken = grid.startOf(firstEnd) > time
    // Panes and windows ascend together: `at` is the first pane that ends no earlier than the window.
    let at = panes.length
    while (at > 0 && (panes[at - 1] as Pane).end >= firstEnd) at--
    for (
      let end = firstEnd, start = grid.startOf(end);
      start <= time;
      end = grid.nextEnd(end), start = grid.startOf(end)
    ) {
      if (this.#isGone(end)) continue
      isTaken = true
      let pane = panes[at]
      if (pane === undefined || pane.end !== end) {
        pane = this.store.insert(slot, at, end, start, end)
        this.#enqueue(pane)
      }
      at++
      this.#add(pane, value, time)
    }
    return isTaken
  }

  #addToSession(slot: KeySlot<KeyPanes>, value: never, time: number): boolean {
    const { gap } = this.#assigner as SessionWindows
    const { panes } = slot.data
    let start = time
    let end = time + (typeof gap === 'number' ? gap : gap(value))
    // Windows that touch are one session. Panes ascend and do not overlap, so those that merge are neighbours.
    let last = panes.length - 1
    while (last >= 0 && (panes[last] as Pane).start > end) last--
    let first = last + 1
    while (first > 0 && (panes[first - 1] as Pane).end >= start) {
      first--
      const pane = panes[first] as Pane
      start = Math.min(start, pane.start)
      end = Math.max(end, pane.end)
    }
    if (this.#isGone(end)) return false
    const pane =
      first > last
        ? this.store.insert(slot, first, time, start, end)
        : this.#merge(panes.slice(first, last + 1) as [Pane, ...Pane[]])
    pane.start = start
    if (pane.end !== end || Number.isNaN(pane.dueMs)) {
      pane.end = end
      // A session that has fired and goes on will fire anew.
      if (pane.fired && !this.#hasPassed(end - 1)) pane.fired = false
      // An entry of the queue that is too early finds the later end when it is taken.
      if (Number.isNaN(pane.dueMs) || pane.dueMs > end - 1) this.#enqueue(pane)
    }
    this.#add(pane, value, time)
    return true
  }

  #merge([kept, ...others]: readonly [Pane, ...Pane[]]): Pane {
    const merge = this.options.contents.merge as (left: unknown, right: unknown) => unknown
    for (const other of others) {
      kept.contents = merge(kept.contents, other.contents)
      kept.storedElements = 0
      this.store.remove(other)
    }
    return kept
  }

  #add(pane: Pane, value: unknown, time: number): void {
    pane.contents = this.options.contents.add(pane.contents, value, time)
    this.store.markDirty(pane)
    if (this.#hasPassed(pane.end - 1)) this.#fire(pane, 'late')
  }

  /** Whether event time has passed the window and its lateness, so that nothing can be added to it. */
  #isGone(end: number): boolean {
    return this.isEventTime && end - 1 + this.allowedLatenessMs <= this.watermark
  }

  #hasPassed(timeMs: number): boolean {
    return this.isEventTime && timeMs <= this.watermark
  }

  #enqueue(pane: Pane): void {
    const dueMs = pane.fired ? pane.end - 1 + this.allowedLatenessMs : pane.end - 1
    if (this.cached === null) this.#queue.add(pane, dueMs)
    else pane.dueMs = dueMs
  }

  protected override advance(upToMs: number): void {
    while (!this.#queue.isEmpty && this.#queue.nextMs <= upToMs) {
      const timeMs = this.#queue.nextMs
      for (const pane of this.#queue.take()) {
        if (!pane.alive || pane.dueMs !== timeMs) continue
        this.#onDue(pane, timeMs)
      }
    }
  }

  #onDue(pane: Pane, timeMs: number): void {
    if (!pane.fired && pane.end - 1 > timeMs) {
      this.#enqueue(pane)
      return
    }
    if (!pane.fired) this.#fire(pane, 'on-time')
    const keepUntilMs = pane.end - 1 + this.allowedLatenessMs
    if (this.isEventTime && keepUntilMs > timeMs && !this.isEnding) {
      this.store.markDirty(pane)
      this.#enqueue(pane)
    } else {
      this.store.remove(pane)
    }
  }

  #fire(pane: Pane, firing: FiringTime): void {
    this.isUpdate = pane.fired
    this.firing = firing
    this.enter(pane.slot.key, pane.start, pane.end)
    this.emitResult(pane.contents)
    pane.fired = true
  }

  protected override get nextDueMs(): number {
    return this.#queue.nextMs
  }
}

function leastDue(panes: readonly Pane[]): number {
  let leastMs = Number.POSITIVE_INFINITY
  for (const { dueMs } of panes) if (dueMs < leastMs) leastMs = dueMs
  return leastMs
}
