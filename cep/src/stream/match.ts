import {
  type Collector,
  type DataStream,
  type KeyedStream,
  mapState,
  msgpack,
  outputTag,
  type Serde,
  valueState,
} from '@millrace/core'
import { compilePattern } from '../automaton/compile.ts'
import { Matcher } from '../matcher/matcher.ts'
import type { Loose } from '../pattern/match-types.ts'
import type { PatternLike } from '../pattern/pattern.ts'
import { KeyMatcher, type MatchingContext, type Rule } from './key-matcher.ts'
import { keyStateSerde } from './key-state.ts'
import { limitsOf, type MatchOptions } from './match-options.ts'
import { Matches } from './matches.ts'
import { type FoundMatch, type KeyTrace, MatchResults, type TimedOutMatch } from './results.ts'

/**
 * Looks for a pattern in the events of each key, or, of a stream without keys, in all of them in one task.
 *
 * @example
 * match(payments.keyBy((p) => p.card), suspicious).select(({ small, large }) => ({ probe: small[0], hit: large[0] }))
 *
 * @throws PATTERN_INVALID for a pattern that breaks a rule
 */
export function match<K, T, Match>(
  stream: KeyedStream<K, T>,
  pattern: PatternLike<T, Match>,
  options?: MatchOptions<K, T>,
): Matches<K, T, Match>
export function match<T, Match>(
  stream: DataStream<T>,
  pattern: PatternLike<T, Match>,
  options?: MatchOptions<'all', T>,
): Matches<'all', T, Match>
export function match<K, T, Match>(
  stream: KeyedStream<K, T> | DataStream<T>,
  pattern: PatternLike<T, Match>,
  options: MatchOptions<K, T> = {},
): Matches<K, T, Match> {
  const automaton = compilePattern(pattern.tree)
  const keyed = keyedBy(stream, options.serde)
  const { time = 'event', order, serde = msgpack<T>(), trace } = options
  const rules: readonly Rule[] = [{ id: '', version: 0, matcher: new Matcher(automaton, limitsOf(options)) }]
  const tags = {
    timedOut: outputTag<TimedOutMatch<K, Loose<Match>>>('timed-out'),
    late: outputTag<T>('late'),
    trace: outputTag<KeyTrace<K>>('trace'),
  }
  const results = new MatchResults<K>(tags, trace ?? null)
  const matcher = new KeyMatcher({ time, order: order ?? null, name: automaton.name }, results)
  const partial = valueState({ serde: keyStateSerde(serde as Serde<unknown>, automaton.fingerprint) })
  const events = mapState<string, unknown>({ serde: serde as Serde<unknown> })
  const found = keyed.process({
    state: { partial, events },
    waitsForEventTime: time === 'event',
    open(context) {
      matcher.open(context)
      results.open(context)
    },
    onRecord(event, context, out: Collector<FoundMatch<K, Match>>) {
      matcher.onRecord(event, context as unknown as MatchingContext, rules, out as Collector<never>)
    },
    onTimer({ timeMs }, context, out) {
      matcher.onTimer(timeMs, context as unknown as MatchingContext, rules, out as Collector<never>)
    },
  })
  if (options.uid !== undefined) found.uid(options.uid)
  found.named(options.name ?? automaton.name)
  return new Matches<K, T, Match>(found, tags)
}

/** The stream itself where it has keys, else all of it under one key. */
export function keyedBy<K, T>(
  stream: KeyedStream<K, T> | DataStream<T>,
  serde: Serde<T> | undefined,
): KeyedStream<K, T> {
  if (!('keyBy' in stream)) return stream
  return stream.keyBy(() => 'all', serde === undefined ? {} : { serde }) as unknown as KeyedStream<K, T>
}
