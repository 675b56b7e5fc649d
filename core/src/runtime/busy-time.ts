import type { Clock } from '../time/clock.ts'

export type TaskActivity = 'busy' | 'idle' | 'blocked'

/** Adds up how long a task worked, had nothing to do, or was held up by what is downstream of it, in milliseconds. */
export class BusyTime {
  readonly #clock: Clock
  readonly #totals: Record<TaskActivity, number> = { busy: 0, idle: 0, blocked: 0 }
  #activity: TaskActivity = 'idle'
  #since: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#since = clock.now()
  }

  get activity(): TaskActivity {
    return this.#activity
  }

  enter(activity: TaskActivity): void {
    if (activity === this.#activity) return
    const now = this.#clock.now()
    this.#totals[this.#activity] += now - this.#since
    this.#activity = activity
    this.#since = now
  }

  total(activity: TaskActivity): number {
    const running = activity === this.#activity ? this.#clock.now() - this.#since : 0
    return this.#totals[activity] + running
  }
}
