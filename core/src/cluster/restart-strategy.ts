import { OptionError } from '../errors.ts'
import type { Duration } from '../time/duration.ts'
import { durationMs } from '../time/duration.ts'

/**
 * How often and after which pause a failed task is started again; plain data.
 * Failures of servers (the log or the state backend cannot be reached) are not counted: those are waited for, with the
 * back-off of `exponential`, for as long as it takes.
 */
export type RestartStrategy =
  | { readonly kind: 'none' }
  | { readonly kind: 'fixed-delay'; readonly attempts: number; readonly delayMs: number }
  | {
      readonly kind: 'exponential'
      readonly initialMs: number
      readonly maxMs: number
      readonly multiplier: number
      /** A task that ran this long counts as healthy again. */
      readonly resetAfterMs: number
      readonly attempts: number
    }
  | { readonly kind: 'failure-rate'; readonly failures: number; readonly intervalMs: number; readonly delayMs: number }

export const restart = {
  /** The first failure fails the job. */
  none(): RestartStrategy {
    return { kind: 'none' }
  },
  /** Tries `attempts` times, `delay` apart. */
  fixedDelay(options: { attempts: number; delay: Duration }): RestartStrategy {
    return { kind: 'fixed-delay', attempts: positive('attempts', options.attempts), delayMs: durationMs(options.delay) }
  },
  /** Waits longer each time. @default initial 200ms, max 30s, multiplier 2, resetAfter 1m, attempts 10 */
  exponential(
    options: { initial?: Duration; max?: Duration; multiplier?: number; resetAfter?: Duration; attempts?: number } = {},
  ): RestartStrategy {
    return {
      kind: 'exponential',
      initialMs: durationMs(options.initial ?? '200ms'),
      maxMs: durationMs(options.max ?? '30s'),
      multiplier: positive('multiplier', options.multiplier ?? 2),
      resetAfterMs: durationMs(options.resetAfter ?? '1m'),
      attempts: positive('attempts', options.attempts ?? 10),
    }
  },
  /** Gives up when there were more than `failures` within `interval`. */
  failureRate(options: { failures: number; interval: Duration; delay: Duration }): RestartStrategy {
    return {
      kind: 'failure-rate',
      failures: positive('failures', options.failures),
      intervalMs: durationMs(options.interval),
      delayMs: durationMs(options.delay),
    }
  },
}

function positive(name: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value
  throw new OptionError(`The restart strategy's ${name} is ${value}; it must be a number above 0.`)
}

/** Times of the failures so far, ms, ascending; kept per task. */
export interface FailureHistory {
  readonly failures: readonly number[]
  /** Failures of servers in a row. */
  readonly unavailable: number
}

export const noFailures: FailureHistory = { failures: [], unavailable: 0 }

export type RestartDecision =
  | { readonly restart: true; readonly delayMs: number; readonly history: FailureHistory }
  | { readonly restart: false }

/** Decides after a failure at `nowMs` of a task that had run since `startedMs`. Pure. */
export function decideRestart(
  strategy: RestartStrategy,
  history: FailureHistory,
  failure: { readonly nowMs: number; readonly startedMs: number; readonly serverUnavailable: boolean },
): RestartDecision {
  const { nowMs, startedMs, serverUnavailable } = failure
  if (serverUnavailable) {
    const unavailable = history.unavailable + 1
    const delayMs = Math.min(10_000, 200 * 2 ** Math.min(unavailable - 1, 10))
    return { restart: true, delayMs, history: { ...history, unavailable } }
  }
  switch (strategy.kind) {
    case 'none':
      return { restart: false }
    case 'fixed-delay': {
      const failures = [...history.failures, nowMs]
      if (failures.length > strategy.attempts) return { restart: false }
      return { restart: true, delayMs: strategy.delayMs, history: { failures, unavailable: 0 } }
    }
    case 'exponential': {
      const wasHealthy = nowMs - startedMs >= strategy.resetAfterMs
      const failures = wasHealthy ? [nowMs] : [...history.failures, nowMs]
      if (failures.length > strategy.attempts) return { restart: false }
      const delayMs = Math.min(strategy.maxMs, strategy.initialMs * strategy.multiplier ** (failures.length - 1))
      return { restart: true, delayMs, history: { failures, unavailable: 0 } }
    }
    case 'failure-rate': {
      const failures = [...history.failures.filter((at) => nowMs - at < strategy.intervalMs), nowMs]
      if (failures.length > strategy.failures) return { restart: false }
      return { restart: true, delayMs: strategy.delayMs, history: { failures, unavailable: 0 } }
    }
  }
}
