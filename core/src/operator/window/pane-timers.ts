import type { TimerCell } from '../../state/keyed/timer-cell.ts'
import { checkTimerMs, type TimeDomain } from '../timer-service.ts'
import type { Pane } from './pane.ts'
import type { PaneStateSlot } from './pane-states.ts'
import type { PaneOwner } from './window-trigger-context.ts'

type Fire = (pane: Pane, timeMs: number) => void

/** Timers of windows where not all are on the heap: there is no queue of them, only what each window holds. */
export class PaneTimers {
  readonly #owner: PaneOwner
  readonly #cellAt: Readonly<Record<TimeDomain, number>>

  /** `firstCell` is where the timers begin among the cells of a pane's state. */
  constructor(owner: PaneOwner, firstCell: number) {
    this.#owner = owner
    this.#cellAt = { event: firstCell, processing: firstCell + 1 }
  }

  set(domain: TimeDomain, timeMs: number): void {
    checkTimerMs(timeMs)
    const slot = this.#owner.current as PaneStateSlot
    if (this.#cell(slot.pane, domain).add(timeMs)) this.#owner.table.markDirty(slot)
  }

  delete(domain: TimeDomain, timeMs: number): void {
    this.#delete((this.#owner.current as PaneStateSlot).pane, domain, timeMs)
  }

  deleteAll(): void {
    for (const domain of ['event', 'processing'] as const) {
      const { pane } = this.#owner.current as PaneStateSlot
      for (const timeMs of [...this.#cell(pane, domain).times]) this.#delete(pane, domain, timeMs)
    }
  }

  /** Infinity when the window has none. */
  nextMs(pane: Pane, domain: TimeDomain): number {
    let leastMs = Number.POSITIVE_INFINITY
    for (const timeMs of this.#cell(pane, domain).times) if (timeMs < leastMs) leastMs = timeMs
    return leastMs
  }

  /** Fires what is set for this time; false when nothing is. */
  fireAt(timeMs: number, panes: readonly Pane[], domain: TimeDomain, fire: Fire): boolean {
    let isFired = false
    for (const pane of [...panes]) {
      if (!pane.alive || !this.#delete(pane, domain, timeMs)) continue
      isFired = true
      fire(pane, timeMs)
    }
    return isFired
  }

  /** Fires everything that is set now, in the order of time, once. */
  fireAll(panes: readonly Pane[], domain: TimeDomain, fire: Fire): void {
    const all = panes.flatMap((pane) => [...this.#cell(pane, domain).times].map((timeMs) => ({ pane, timeMs })))
    all.sort((a, b) => a.timeMs - b.timeMs)
    for (const { pane, timeMs } of all) if (pane.alive && this.#delete(pane, domain, timeMs)) fire(pane, timeMs)
  }

  #delete(pane: Pane, domain: TimeDomain, timeMs: number): boolean {
    if (!this.#cell(pane, domain).delete(timeMs)) return false
    this.#owner.table.markDirty(pane.state as PaneStateSlot)
    return true
  }

  #cell(pane: Pane, domain: TimeDomain): TimerCell {
    return (pane.state as PaneStateSlot).data[this.#cellAt[domain]] as TimerCell
  }
}
