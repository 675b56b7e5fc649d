import type { CancelTimer, Clock } from '../../time/clock.ts'

/** How long the work between two yields takes in simulated time. */
const WORK_MS = 1

/**
 * The clock of one simulated worker. Everything that a worker does after waiting, be it for a timer or for an answer of a
 * server, begins with a callback of this clock: a step. A worker crashes or freezes between two steps, which is
 * everywhere that matters, since a message and its answer are steps of their own.
 */
export class WorkerClock implements Clock {
  readonly #clock: Clock
  readonly #held: (() => void)[] = []
  readonly #onCrash: () => void
  #state: 'running' | 'frozen' | 'crashed' = 'running'
  #steps = 0
  #crashAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock, onCrash: () => void = () => {}) {
    this.#clock = clock
    this.#onCrash = onCrash
  }

  /** Steps taken so far. */
  get steps(): number {
    return this.#steps
  }

  get state(): 'running' | 'frozen' | 'crashed' {
    return this.#state
  }

  now(): number {
    return this.#clock.now()
  }

  setTimer(delayMs: number, callback: () => void): CancelTimer {
    let cancelled = false
    const cancel = this.#clock.setTimer(delayMs, () =>
      this.#step(() => {
        if (!cancelled) callback()
      }),
    )
    return () => {
      cancelled = true
      cancel()
    }
  }

  /** Takes a little time, as work between two yields does: else a whole input would be read within one epoch. */
  yield(): Promise<void> {
    return new Promise<void>((resolve) => this.setTimer(WORK_MS, resolve))
  }

  /** Crashes in place of the step with this number, counted from 1. */
  crashAt(step: number): void {
    this.#crashAt = step
  }

  /** From now on nothing of this worker happens any more. */
  crash(): void {
    if (this.#state === 'crashed') return
    this.#state = 'crashed'
    this.#held.length = 0
    this.#onCrash()
  }

  /** Holds every step back, as SIGSTOP does. */
  freeze(): void {
    if (this.#state === 'running') this.#state = 'frozen'
  }

  /** Goes on where it was: a worker that may have lost everything and does not know it yet. */
  thaw(): void {
    if (this.#state !== 'frozen') return
    this.#state = 'running'
    for (const step of this.#held.splice(0)) this.#step(step)
  }

  #step(step: () => void): void {
    if (this.#state === 'crashed') return
    if (this.#state === 'frozen') {
      this.#held.push(step)
      return
    }
    if (++this.#steps >= this.#crashAt) this.crash()
    else step()
  }
}
