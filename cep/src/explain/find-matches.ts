import { compilePattern } from '../automaton/compile.ts'
import { findIn } from '../matcher/find-matches.ts'
import type { TraceEntry } from '../matcher/trace.ts'
import type { Loose } from '../pattern/match-types.ts'
import type { PatternLike } from '../pattern/pattern.ts'

export interface FindOptions<T> {
  /** Time of an event in milliseconds; events must be in its order. @default one event a millisecond, from 0 on */
  readonly time?: (event: T, index: number) => number
}

export interface FoundMatches<Match> {
  readonly matches: readonly Match[]
  readonly timedOut: readonly Loose<Match>[]
  /** What became of every partial match, and why. */
  readonly trace: readonly TraceEntry[]
}

/**
 * All that a pattern finds in these events of one key, whose end is known: to try a pattern, to test it, and to see by the trace
 * why it does not find what it should.
 *
 * @throws PATTERN_INVALID for a pattern that breaks a rule
 */
export function findMatches<T, Match>(
  pattern: PatternLike<T, Match>,
  events: readonly T[],
  options: FindOptions<T> = {},
): FoundMatches<Match> {
  const timeOf = options.time ?? ((_event: T, index: number): number => index)
  const trace: TraceEntry[] = []
  const timed = events.map((event, index) => ({ event, timestamp: timeOf(event, index) }))
  const { matches, timedOut } = findIn(compilePattern(pattern.tree), timed, (entry) => trace.push(entry))
  return { matches: matches as readonly Match[], timedOut: timedOut as readonly Loose<Match>[], trace }
}
