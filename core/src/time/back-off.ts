import { OptionError } from '../errors.ts'
import type { Random } from '../structure/random.ts'
import { type Duration, durationMs } from './duration.ts'

/** How often a call is tried, and how long it waits in between. */
export interface RetryOptions {
  /** Calls in all, the first one included. @default 5 */
  readonly maxAttempts?: number
  /** Before the second attempt. @default '100ms' */
  readonly delay?: Duration
  /** No wait is longer. @default '10s' */
  readonly maxDelay?: Duration
  /** Whether waits double, with some chance in them, or stay the same. @default 'exponential' */
  readonly backOff?: 'exponential' | 'fixed'
}

/** Waits between attempts: exponential ones lie between half of the delay and all of it, so that callers do not meet again. */
export class BackOff {
  readonly maxAttempts: number
  readonly #delayMs: number
  readonly #maxDelayMs: number
  readonly #isFixed: boolean

  /** @throws OPTION_INVALID */
  constructor(owner: string, { maxAttempts = 5, delay = '100ms', maxDelay = '10s', backOff }: RetryOptions) {
    if (!Number.isSafeInteger(maxAttempts) || maxAttempts < 1) {
      throw new OptionError(
        `${owner}: retry.maxAttempts is ${maxAttempts}; it must be a whole number of at least 1, the first call included.`,
      )
    }
    this.maxAttempts = maxAttempts
    this.#delayMs = durationMs(delay)
    this.#maxDelayMs = durationMs(maxDelay)
    this.#isFixed = backOff === 'fixed'
  }

  /** Milliseconds to wait after the attempt, which counts from 1. */
  delayMs(attempt: number, random: Random): number {
    if (this.#isFixed) return this.#delayMs
    const longest = Math.min(this.#maxDelayMs, this.#delayMs * 2 ** (attempt - 1))
    return longest * (0.5 + random.uint32() / 2 ** 33)
  }
}
