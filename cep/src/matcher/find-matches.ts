import type { Automaton } from '../automaton/automaton.ts'
import type { AnyMatch } from '../pattern/match-types.ts'
import { type Findings, Matcher } from './matcher.ts'
import { PartialMatches } from './partial-matches.ts'
import type { Tracer } from './trace.ts'

/** An event and its time, in milliseconds. */
export interface TimedEvent {
  readonly event: unknown
  readonly timestamp: number
}

export interface Found {
  readonly matches: readonly AnyMatch[]
  readonly timedOut: readonly AnyMatch[]
}

/** Everything that a pattern finds in events of one key, whose end is known. Events are in the order of their times. */
export function findIn(automaton: Automaton, events: Iterable<TimedEvent>, tracer: Tracer | null = null): Found {
  const matches: AnyMatch[] = []
  const timedOut: AnyMatch[] = []
  const findings: Findings = {
    onMatch: (match) => matches.push(match),
    onTimeout: (match) => timedOut.push(match),
    onDropped: () => {},
  }
  const matcher = new Matcher(automaton)
  const kept = new PartialMatches()
  let lastMs = 0
  for (const { event, timestamp } of events) {
    matcher.onEvent(kept, () => kept, event, timestamp, findings, tracer)
    lastMs = timestamp
  }
  matcher.onTime(kept, Number.POSITIVE_INFINITY, findings, tracer)
  matcher.onEnd(kept, lastMs, findings)
  return { matches, timedOut }
}
