import type { CancelTimer } from '../time/clock.ts'

/** Calls back at the earliest of the clock times that it was set for. */
export class ClockAlarm {
  readonly #schedule: (timeMs: number, callback: () => void) => CancelTimer
  readonly #onAlarm: () => void
  #timeMs = Number.POSITIVE_INFINITY
  #cancel: CancelTimer | null = null

  constructor(schedule: (timeMs: number, callback: () => void) => CancelTimer, onAlarm: () => void) {
    this.#schedule = schedule
    this.#onAlarm = onAlarm
  }

  set(timeMs: number): void {
    if (timeMs >= this.#timeMs) return
    this.#cancel?.()
    this.#timeMs = timeMs
    this.#cancel = this.#schedule(timeMs, () => {
      this.#timeMs = Number.POSITIVE_INFINITY
      this.#cancel = null
      this.#onAlarm()
    })
  }

  cancel(): void {
    this.#cancel?.()
    this.#timeMs = Number.POSITIVE_INFINITY
  }
}
