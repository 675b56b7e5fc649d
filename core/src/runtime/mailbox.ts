import type { CancelTimer, Clock } from '../time/clock.ts'

/** What is to be done in a task's loop between two batches: timers that are due, and what operators post from promises. */
export class Mailbox {
  readonly #clock: Clock
  readonly #onMail: () => void
  readonly #timers = new Set<CancelTimer>()
  #mails: (() => void)[] = []

  /** `onMail` wakes the loop. */
  constructor(clock: Clock, onMail: () => void) {
    this.#clock = clock
    this.#onMail = onMail
  }

  readonly post = (callback: () => void): void => {
    this.#mails.push(callback)
    this.#onMail()
  }

  /** Posts the callback when the clock reaches `timeMs`. */
  schedule(timeMs: number, callback: () => void): CancelTimer {
    const cancelTimer = this.#clock.setTimer(Math.max(0, timeMs - this.#clock.now()), () => {
      this.#timers.delete(cancel)
      this.post(callback)
    })
    const cancel = (): void => {
      this.#timers.delete(cancel)
      cancelTimer()
    }
    this.#timers.add(cancel)
    return cancel
  }

  /** Runs everything that has come, also what comes meanwhile. */
  run(): void {
    while (this.#mails.length > 0) {
      const mails = this.#mails
      this.#mails = []
      for (const mail of mails) mail()
    }
  }

  close(): void {
    for (const cancel of [...this.#timers]) cancel()
  }
}
