import { TimestampError } from '../errors.ts'
import type { KeySlot, KeyTable } from '../state/keyed/key-table.ts'
import type { CellDeclaration, Cells } from '../state/keyed/keyed-states.ts'
import { TimerCell } from '../state/keyed/timer-cell.ts'
import type { CancelTimer } from '../time/clock.ts'
import { TimerQueue } from './timer-queue.ts'

export type TimeDomain = 'event' | 'processing'

/** How timers are stored: beside the declared states, under names that no declared state can have. */
export const timerCells: readonly CellDeclaration[] = [
  { name: '$event-timers', kind: 'timers', format: 'timer@1', create: () => new TimerCell() },
  { name: '$processing-timers', kind: 'timers', format: 'timer@1', create: () => new TimerCell() },
]

/** @throws TIMESTAMP_INVALID for what is no time */
export function checkTimerMs(timeMs: number): void {
  if (!Number.isFinite(timeMs)) {
    throw new TimestampError(`A timer was set for ${timeMs}; it needs finite milliseconds.`)
  }
}

/** Whose timers they are: the keys of an operator, or the windows of its keys. */
export interface TimerOwner {
  readonly current: KeySlot<Cells>
  readonly table: Pick<KeyTable<Cells>, 'markDirty' | 'slots'>
}

export type OnTimer = (slot: KeySlot<Cells>, timeMs: number, domain: TimeDomain) => void

/**
 * Timers of the keys of one operator. One for each key, time and domain: setting it twice is setting it once.
 * A timer that was deleted stays in the queue and is passed over when its time comes.
 */
export class TimerService {
  readonly #states: TimerOwner
  readonly #onTimer: OnTimer
  readonly #schedule: (timeMs: number, callback: () => void) => CancelTimer
  readonly #now: () => number
  readonly #queues: Readonly<Record<TimeDomain, TimerQueue>> = { event: new TimerQueue(), processing: new TimerQueue() }
  readonly #cellAt: Readonly<Record<TimeDomain, number>>
  readonly #deleted: Record<TimeDomain, number> = { event: 0, processing: 0 }
  readonly #onAwaited: () => void
  readonly #isHeld: () => boolean
  /** Timers of processing time that are still to fire at the end of the input. */
  #left: number | null = null
  #wakeUpMs = Number.POSITIVE_INFINITY
  #cancelWakeUp: CancelTimer | null = null

  /**
   * `firstCell` is where `timerCells` begin among the cells of a key. `onAwaited` hears when a timer of processing time is due
   * and the state of its key has to be read first, or something `isHeld` that the timer must not come between.
   */
  constructor(
    states: TimerOwner,
    firstCell: number,
    onTimer: OnTimer,
    schedule: (timeMs: number, callback: () => void) => CancelTimer,
    now: () => number,
    onAwaited: () => void = () => {},
    isHeld: () => boolean = () => false,
  ) {
    this.#states = states
    this.#onTimer = onTimer
    this.#schedule = schedule
    this.#now = now
    this.#onAwaited = onAwaited
    this.#isHeld = isHeld
    this.#cellAt = { event: firstCell, processing: firstCell + 1 }
  }

  /** To be called once, after the state was restored. */
  open(): void {
    for (const domain of ['event', 'processing'] as const) {
      const restored: { timeMs: number; slot: KeySlot<Cells>; bytes: Buffer }[] = []
      for (const slot of this.#states.table.slots()) {
        const { times } = this.#cell(slot, domain)
        if (times.size === 0) continue
        const { bytes } = slot
        for (const timeMs of times) restored.push({ timeMs, slot, bytes })
      }
      // The order of equal times must not depend on the order in which the backend gave the entries.
      restored.sort((a, b) => a.timeMs - b.timeMs || Buffer.compare(a.bytes, b.bytes))
      for (const { timeMs, slot } of restored) this.#queues[domain].push(timeMs, slot)
    }
    this.wakeUp()
  }

  set(domain: TimeDomain, timeMs: number): void {
    checkTimerMs(timeMs)
    const slot = this.#states.current
    if (!this.#cell(slot, domain).add(timeMs)) return
    this.#states.table.markDirty(slot)
    this.#queues[domain].push(timeMs, slot)
    if (domain === 'processing') this.wakeUp()
  }

  delete(domain: TimeDomain, timeMs: number): void {
    const slot = this.#states.current
    if (!this.#cell(slot, domain).delete(timeMs)) return
    this.#states.table.markDirty(slot)
    const queue = this.#queues[domain]
    // A job that moves its timers with every record would fill the queue with what will never fire.
    if (++this.#deleted[domain] < 1024 || this.#deleted[domain] * 2 < queue.size) return
    this.#deleted[domain] = 0
    queue.retain((time, owner) => this.#cell(owner, domain).times.has(time))
  }

  /** Deletes all timers of the current owner. */
  deleteAll(): void {
    for (const domain of ['event', 'processing'] as const) {
      for (const timeMs of [...this.#cell(this.#states.current, domain).times]) this.delete(domain, timeMs)
    }
  }

  /**
   * Fires everything up to and including the watermark, also what is set meanwhile. False when it came to a key whose state
   * has to be read first: then it is to be called again.
   */
  onWatermark(watermark: number): boolean {
    return this.#fire('event', watermark)
  }

  /** Fires what the clock has made due; false as `onWatermark`. */
  onClock(): boolean {
    return this.#fire('processing', this.#now())
  }

  /** At the end of the input: what waits for the clock fires now, once, or is deleted. False as `onWatermark`. */
  onEnd(fires: boolean): boolean {
    const queue = this.#queues.processing
    this.#left ??= queue.size
    for (; this.#left > 0; this.#left--) {
      if (this.#isAwaited('processing')) return false
      this.#fireNext('processing', fires)
    }
    return true
  }

  /** Fires nothing any more. */
  stop(): void {
    this.#cancelWakeUp?.()
  }

  /** The time of the last timer that waits for the clock; minus infinity when there is none. */
  get lastProcessingMs(): number {
    let lastMs = Number.NEGATIVE_INFINITY
    this.#queues.processing.visitDue(Number.POSITIVE_INFINITY, (timeMs, slot) => {
      if (timeMs > lastMs && this.#cell(slot, 'processing').times.has(timeMs)) lastMs = timeMs
      return true
    })
    return lastMs
  }

  /** Keys whose timers are due and whose state has to be read, up to a number of them. */
  awaited(domain: TimeDomain, upToMs: number, limit: number): Set<KeySlot<Cells>> {
    const slots = new Set<KeySlot<Cells>>()
    this.#queues[domain].visitDue(upToMs, (timeMs, slot) => {
      if (slot.mark?.isResident === false && this.#cell(slot, domain).times.has(timeMs)) slots.add(slot)
      return slots.size < limit
    })
    return slots
  }

  #fire(domain: TimeDomain, upToMs: number): boolean {
    const queue = this.#queues[domain]
    while (queue.size > 0 && queue.nextMs <= upToMs) {
      if (this.#isAwaited(domain)) return false
      this.#fireNext(domain)
    }
    return true
  }

  #isAwaited(domain: TimeDomain): boolean {
    const { next, nextMs } = this.#queues[domain]
    return next.mark?.isResident === false && this.#cell(next, domain).times.has(nextMs)
  }

  #fireNext(domain: TimeDomain, fires = true): void {
    const queue = this.#queues[domain]
    const timeMs = queue.nextMs
    const slot = queue.pop()
    if (!this.#cell(slot, domain).delete(timeMs)) return
    this.#states.table.markDirty(slot)
    if (fires) this.#onTimer(slot, timeMs, domain)
  }

  /** Sets the clock for the next timer of processing time. */
  wakeUp(): void {
    const nextMs = this.#queues.processing.nextMs
    if (nextMs >= this.#wakeUpMs || nextMs === Number.POSITIVE_INFINITY) return
    this.#cancelWakeUp?.()
    this.#wakeUpMs = nextMs
    this.#cancelWakeUp = this.#schedule(nextMs, () => {
      this.#wakeUpMs = Number.POSITIVE_INFINITY
      this.#cancelWakeUp = null
      if (!this.#isHeld() && this.onClock()) this.wakeUp()
      else this.#onAwaited()
    })
  }

  #cell(slot: KeySlot<Cells>, domain: TimeDomain): TimerCell {
    return slot.data[this.#cellAt[domain]] as TimerCell
  }
}
