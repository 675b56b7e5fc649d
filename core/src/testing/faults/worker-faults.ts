import type { CancelTimer, Clock } from '../../time/clock.ts'

export interface WorkerFaultsOptions {
  /** Called once, when the worker crashes. */
  readonly onCrash?: () => void
}

/** Whether the effect of the call at which a worker crashes happens: the process dies on the way there, or on the way back. */
export type CrashMoment = 'before' | 'after'

/**
 * The fate of one simulated worker. Everything asynchronous that it does goes through here and is numbered from 1 in the
 * order of the calls: the same run gives the same numbers.
 *
 * A crashed worker does nothing any more: none of its calls resolves or has an effect, nobody calls it back, and its timers
 * never fire. A frozen one is a zombie: calls, answers, callbacks and timers wait, in their order, until it thaws.
 *
 * @example
 * const faults = new WorkerFaults()
 * const log = faultyLog(memoryLog(), faults)
 * faults.crashAt(17, 'after') // the effect of call 17 happens, and the worker never hears of it
 */
export class WorkerFaults {
  readonly #onCrash: () => void
  readonly #calls: string[] = []
  #state: 'running' | 'frozen' | 'crashed' = 'running'
  #crashAt = Number.POSITIVE_INFINITY
  #crashMoment: CrashMoment = 'before'
  #held: (() => void)[] = []

  constructor({ onCrash = () => {} }: WorkerFaultsOptions = {}) {
    this.#onCrash = onCrash
  }

  get state(): 'running' | 'frozen' | 'crashed' {
    return this.#state
  }

  /** Names of all calls so far, e.g. `writer.commit`; call k is at k - 1. */
  get calls(): readonly string[] {
    return this.#calls
  }

  /** Crashes the worker at its call number `call`, counted from 1 over its whole life. */
  crashAt(call: number, moment: CrashMoment): void {
    this.#crashAt = call
    this.#crashMoment = moment
  }

  crash(): void {
    if (this.#state === 'crashed') return
    this.#state = 'crashed'
    this.#held = []
    this.#onCrash()
  }

  freeze(): void {
    if (this.#state === 'running') this.#state = 'frozen'
  }

  /** Lets everything that was held happen, in its order, before anything new. */
  thaw(): void {
    if (this.#state !== 'frozen') return
    this.#state = 'running'
    while (this.#held.length > 0 && this.#state === 'running') this.#held.shift()?.()
  }

  /** A clock whose timers and yields share the worker's fate; what the worker itself runs on. */
  clock(clock: Clock): Clock {
    return new FaultyClock(clock, this)
  }

  /** An asynchronous call of the worker to a server. */
  call<T>(name: string, effect: () => Promise<T>): Promise<T> {
    const number = this.#calls.push(name)
    return new Promise((resolve, reject) => {
      if (this.#isCrash(number, 'before')) this.crash()
      this.deliver(() => {
        effect().then(
          (value) => this.#answer(number, () => resolve(value)),
          (error: unknown) => this.#answer(number, () => reject(error)),
        )
      })
    })
  }

  /**
   * Something numbered that happens at once, without an answer to wait for: taking a fetched batch. False when the worker
   * crashed at it, whatever the moment: nobody is there to see it.
   */
  step(name: string): boolean {
    const number = this.#calls.push(name)
    if (number === this.#crashAt) this.crash()
    return this.#state !== 'crashed'
  }

  /** Runs what comes to the worker from outside: at once, at the thaw, or never. */
  deliver(effect: () => void): void {
    if (this.#state === 'running' && this.#held.length === 0) effect()
    else if (this.#state !== 'crashed') this.#held.push(effect)
  }

  #answer(number: number, deliver: () => void): void {
    if (this.#state === 'crashed') return
    if (this.#isCrash(number, 'after')) this.crash()
    this.deliver(deliver)
  }

  #isCrash(number: number, moment: CrashMoment): boolean {
    return number === this.#crashAt && moment === this.#crashMoment
  }
}

class FaultyClock implements Clock {
  readonly #clock: Clock
  readonly #faults: WorkerFaults

  constructor(clock: Clock, faults: WorkerFaults) {
    this.#clock = clock
    this.#faults = faults
  }

  now(): number {
    return this.#clock.now()
  }

  setTimer(delayMs: number, callback: () => void): CancelTimer {
    let isCancelled = false
    const cancel = this.#clock.setTimer(delayMs, () =>
      this.#faults.deliver(() => {
        if (!isCancelled) callback()
      }),
    )
    return () => {
      isCancelled = true
      cancel()
    }
  }

  yield(): Promise<void> {
    return new Promise((resolve) => {
      void this.#clock.yield().then(() => this.#faults.deliver(resolve))
    })
  }
}
