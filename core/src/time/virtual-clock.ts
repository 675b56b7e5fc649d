import type { CancelTimer, Clock } from './clock.ts'

interface Timer {
  readonly timeMs: number
  readonly sequence: number
  readonly callback: () => void
}

export interface VirtualClockOptions {
  /** Milliseconds since the Unix epoch at which the clock begins. @default 0 */
  readonly startMs?: number
  /** How often code may yield without time moving before it counts as a loop that never ends. @default 1_000_000 */
  readonly maxYieldsPerInstant?: number
}

/**
 * A clock that stands still until it is moved. Timers fire in the order of their time, then of their creation; between
 * two timers, and between two resumed `yield`s, every promise reaction that is ready runs to the end. Nothing else
 * decides the order, so a program without real input and output runs the same way every time.
 *
 * @example
 * const clock = new VirtualClock()
 * clock.setTimer(50, () => console.log(clock.now()))
 * await clock.advanceBy(60) // prints 50; clock.now() is 60
 */
export class VirtualClock implements Clock {
  /** Ascending by time, then by creation. */
  readonly #timers: Timer[] = []
  readonly #yields: (() => void)[] = []
  readonly #maxYields: number
  #nowMs: number
  #sequence = 0
  #driving = false
  #pumping = false

  constructor(options: VirtualClockOptions = {}) {
    this.#nowMs = options.startMs ?? 0
    this.#maxYields = options.maxYieldsPerInstant ?? 1_000_000
  }

  now(): number {
    return this.#nowMs
  }

  setTimer(delayMs: number, callback: () => void): CancelTimer {
    const timer = { timeMs: this.#nowMs + Math.max(0, delayMs), sequence: this.#sequence++, callback }
    this.#timers.splice(this.#rank(timer), 0, timer)
    return () => {
      const index = this.#rank(timer)
      if (this.#timers[index] === timer) this.#timers.splice(index, 1)
    }
  }

  /** Resolves after those who yielded before; also while nobody moves the clock, since yielding takes no time. */
  yield(): Promise<void> {
    return new Promise((resolve) => {
      this.#yields.push(resolve)
      if (!this.#driving && !this.#pumping) this.#pump()
    })
  }

  /** Time of the earliest timer, or undefined when there is none. */
  get nextTimerMs(): number | undefined {
    return this.#timers[0]?.timeMs
  }

  /**
   * Moves time to `timeMs`, stopping at every timer on the way; what is already due runs first.
   * Rejects when a timer's callback throws, or when code yields without end.
   */
  async advanceTo(timeMs: number): Promise<void> {
    if (this.#driving) throw new Error('The clock is already being moved; await the earlier call first.')
    this.#driving = true
    try {
      await this.#settle()
      for (let timer = this.#timers[0]; timer !== undefined && timer.timeMs <= timeMs; timer = this.#timers[0]) {
        this.#timers.shift()
        if (timer.timeMs > this.#nowMs) this.#nowMs = timer.timeMs
        timer.callback()
        await this.#settle()
      }
      if (timeMs > this.#nowMs) this.#nowMs = timeMs
    } finally {
      this.#driving = false
      if (this.#yields.length > 0) this.#pump()
    }
  }

  advanceBy(durationMs: number): Promise<void> {
    return this.advanceTo(this.#nowMs + durationMs)
  }

  /** Moves to the earliest timer and runs all that is due then; false, without moving, when there is no timer. */
  async advanceToNextTimer(): Promise<boolean> {
    await this.runUntilIdle()
    const next = this.nextTimerMs
    if (next === undefined) return false
    await this.advanceTo(next)
    return true
  }

  /** Runs everything that can run without time moving: promise reactions, yields, and timers that are due now. */
  runUntilIdle(): Promise<void> {
    return this.advanceTo(this.#nowMs)
  }

  /** Runs what is ready now and takes no time. */
  async #settle(): Promise<void> {
    for (let count = 0; ; count++) {
      // A macrotask of the event loop starts only when no microtask is left.
      await macrotask()
      if (this.#yields.length === 0) return
      if (count >= this.#maxYields) {
        throw new Error(`Code yielded ${count} times at time ${this.#nowMs} without end; it waits for nothing.`)
      }
      this.#yields.shift()?.()
    }
  }

  /** Resumes one yield for each turn of the event loop, while nobody moves the clock. */
  #pump(): void {
    this.#pumping = true
    setImmediate(() => {
      this.#pumping = false
      if (this.#driving) return
      this.#yields.shift()?.()
      if (this.#yields.length > 0) this.#pump()
    })
  }

  /** Index of the timer, or where it belongs. */
  #rank(timer: Timer): number {
    let low = 0
    let high = this.#timers.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = this.#timers[middle] as Timer
      const isBefore = other.timeMs < timer.timeMs || (other.timeMs === timer.timeMs && other.sequence < timer.sequence)
      if (isBefore) low = middle + 1
      else high = middle
    }
    return low
  }
}

function macrotask(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
