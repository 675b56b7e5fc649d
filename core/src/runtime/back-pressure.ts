import type { CancelTimer, Clock } from '../time/clock.ts'

export type BackPressureLevel = 'OK' | 'LOW' | 'HIGH'

export interface BackPressure {
  /** Share of the samples in which the task was blocked by what is downstream of it, 0 to 1. */
  readonly ratio: number
  readonly level: BackPressureLevel
  /** When the sampling ended, milliseconds since the Unix epoch. */
  readonly at: number
}

export interface BackPressureOptions {
  /** Samples of one measurement. @default 100 */
  readonly samples: number
  /** Milliseconds between two samples. @default 50 */
  readonly delayMs: number
  /** Milliseconds from the end of one measurement to the start of the next. @default 60_000 */
  readonly refreshIntervalMs: number
}

export const defaultBackPressure: BackPressureOptions = { samples: 100, delayMs: 50, refreshIntervalMs: 60_000 }

/** Up to 10 % is OK, up to 50 % LOW, more is HIGH: the thresholds that Flink's users know. */
export function backPressureLevel(ratio: number): BackPressureLevel {
  if (ratio <= 0.1) return 'OK'
  return ratio <= 0.5 ? 'LOW' : 'HIGH'
}

/** Asks at intervals whether a task is blocked. It costs a timer only, nothing on the path of a record. */
export class BackPressureSampler {
  readonly #clock: Clock
  readonly #options: BackPressureOptions
  readonly #isBlocked: () => boolean
  #cancel: CancelTimer | null = null
  #taken = 0
  #blocked = 0
  #latest: BackPressure

  constructor(clock: Clock, options: BackPressureOptions, isBlocked: () => boolean) {
    this.#clock = clock
    this.#options = options
    this.#isBlocked = isBlocked
    this.#latest = { ratio: 0, level: 'OK', at: clock.now() }
  }

  get latest(): BackPressure {
    return this.#latest
  }

  start(): void {
    this.#taken = 0
    this.#blocked = 0
    this.#cancel = this.#clock.setTimer(this.#options.delayMs, () => this.#sample())
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = null
  }

  #sample(): void {
    this.#taken++
    if (this.#isBlocked()) this.#blocked++
    if (this.#taken < this.#options.samples) {
      this.#cancel = this.#clock.setTimer(this.#options.delayMs, () => this.#sample())
      return
    }
    const ratio = this.#blocked / this.#taken
    this.#latest = { ratio, level: backPressureLevel(ratio), at: this.#clock.now() }
    this.#cancel = this.#clock.setTimer(this.#options.refreshIntervalMs, () => this.start())
  }
}
