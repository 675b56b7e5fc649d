import { StreamError } from '../../errors.ts'
import type { StateChanges } from '../state-changes.ts'
import type { Cell } from './cells.ts'

// Most keys have no timer most of the time: they share these, which are never written to.
const NO_TIMES: ReadonlySet<number> = new Set()
const UNTOUCHED: ReadonlyMap<number, boolean> = new Map()

/** The timers of one key, as state: one entry for each, without a value. */
export class TimerCell implements Cell {
  #times: ReadonlySet<number> = NO_TIMES
  /** Timers that changed since the last barrier, and whether the backend has them. */
  #touched: ReadonlyMap<number, boolean> = UNTOUCHED

  get times(): ReadonlySet<number> {
    return this.#times
  }

  get isEmpty(): boolean {
    return this.#times.size === 0
  }

  /** False when the timer was there already. */
  add(timeMs: number): boolean {
    if (this.#times.has(timeMs)) return false
    this.#ownTimes().add(timeMs)
    if (!this.#touched.has(timeMs)) this.#ownTouched().set(timeMs, false)
    return true
  }

  /** False when there was no such timer. */
  delete(timeMs: number): boolean {
    if (!this.#times.has(timeMs)) return false
    this.#ownTimes().delete(timeMs)
    // A timer that was set and is gone again within one epoch leaves no trace.
    if (this.#touched.get(timeMs) === false) this.#ownTouched().delete(timeMs)
    else this.#ownTouched().set(timeMs, true)
    return true
  }

  collect(changes: StateChanges, state: number): void {
    for (const timeMs of this.#touched.keys()) {
      changes.beginSub().writeFloat64(timeMs)
      collectMark(changes, state, this.#times.has(timeMs))
    }
    this.#touched = UNTOUCHED
    // Not when the last one fires: most keys that had a timer soon have the next one.
    if (this.#times.size === 0) this.#times = NO_TIMES
  }

  restore(sub: Uint8Array | null): void {
    if (sub === null || sub.length !== 8) {
      throw new StreamError('STATE_CORRUPT', 'A stored timer has no time; the stored state is damaged.')
    }
    this.#ownTimes().add(Buffer.from(sub.buffer, sub.byteOffset, 8).readDoubleBE(0))
  }

  #ownTimes(): Set<number> {
    if (this.#times === NO_TIMES) this.#times = new Set()
    return this.#times as Set<number>
  }

  #ownTouched(): Map<number, boolean> {
    if (this.#touched === UNTOUCHED) this.#touched = new Map()
    return this.#touched as Map<number, boolean>
  }
}

/** Writes that there is an entry of the sub key written last, which has an empty value, or that there is none. */
export function collectMark(changes: StateChanges, state: number, isThere: boolean): void {
  if (!isThere) {
    changes.delete(state)
    return
  }
  changes.beginValue()
  changes.endValue(state)
}
