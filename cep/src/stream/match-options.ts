import { OptionError, type Serde } from '@millrace/core'
import type { MatcherLimits } from '../matcher/matcher.ts'

export interface LimitOptions {
  /** Partial matches, and matches held back, that one key may have of one pattern. @default 10_000 */
  readonly max?: number
  /**
   * What happens to more: the job fails, or the newest are dropped and counted (`millrace_cep_dropped_total`).
   *
   * @default 'error'
   */
  readonly onLimit?: 'error' | 'drop'
}

export interface MatchOptions<K, T> {
  /** Names the operator's state among all versions of the job. */
  readonly uid?: string
  /** For people. @default the name of the pattern */
  readonly name?: string
  /**
   * In event time, events are looked at in the order of their timestamps, when the watermark has reached them. In processing
   * time, as they come, at the time that the clock says.
   *
   * @default 'event'
   */
  readonly time?: 'event' | 'processing'
  /** Which comes first of events of the same time. @default the one that arrived first */
  readonly order?: (a: T, b: T) => number
  /** How events are stored in state. @default msgpack() */
  readonly serde?: Serde<T>
  readonly partialMatches?: LimitOptions
  /** The keys whose partial matches are traced. @default none */
  readonly trace?: (key: K) => boolean
}

const DEFAULT_LIMIT = 10_000

/** @throws OPTION_INVALID */
export function limitsOf({ partialMatches = {} }: { readonly partialMatches?: LimitOptions }): MatcherLimits {
  const { max = DEFAULT_LIMIT, onLimit = 'error' } = partialMatches
  if (!(Number.isSafeInteger(max) || max === Number.POSITIVE_INFINITY) || max < 1) {
    throw new OptionError(`partialMatches.max is ${String(max)}; give a whole number from 1 on, or Infinity.`)
  }
  if (onLimit !== 'error' && onLimit !== 'drop') {
    throw new OptionError(`partialMatches.onLimit is ${String(onLimit)}; give 'error' or 'drop'.`)
  }
  return { maxPartialMatches: max, onLimit }
}
