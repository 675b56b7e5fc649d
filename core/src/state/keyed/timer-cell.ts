import { StreamError } from '../../errors.ts'
import type { Cell, ChangeTarget } from './cells.ts'

const NOTHING = new Uint8Array(0)

/** The timers of one key, as state: one entry for each, without a value. */
export class TimerCell implements Cell {
  readonly times: Set<number> = new Set()
  readonly #touched = new Set<number>()

  get isEmpty(): boolean {
    return this.times.size === 0
  }

  /** False when the timer was there already. */
  add(timeMs: number): boolean {
    if (this.times.has(timeMs)) return false
    this.times.add(timeMs)
    this.#touched.add(timeMs)
    return true
  }

  /** False when there was no such timer. */
  delete(timeMs: number): boolean {
    if (!this.times.delete(timeMs)) return false
    this.#touched.add(timeMs)
    return true
  }

  collect({ state, keyGroup, key, changes }: ChangeTarget): void {
    for (const timeMs of this.#touched) {
      const sub = Buffer.allocUnsafe(8)
      sub.writeDoubleBE(timeMs, 0)
      changes.push({ state, keyGroup, key, sub, value: this.times.has(timeMs) ? NOTHING : null })
    }
    this.#touched.clear()
  }

  restore(sub: Uint8Array | null): void {
    if (sub === null || sub.length !== 8) {
      throw new StreamError('STATE_CORRUPT', 'A stored timer has no time; the stored state is damaged.')
    }
    this.times.add(Buffer.from(sub.buffer, sub.byteOffset, 8).readDoubleBE(0))
  }
}
