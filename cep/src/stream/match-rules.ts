import {
  type Collector,
  type DataStream,
  type KeyedStream,
  mapState,
  msgpack,
  type OutputTag,
  outputTag,
  type Serde,
  valueState,
} from '@millrace/core'
import type { DataMatch } from '../definition/from-definition.ts'
import type { Loose } from '../pattern/match-types.ts'
import { KeyMatcher, type MatchingContext } from './key-matcher.ts'
import { type KeyState, keyStateSerde } from './key-state.ts'
import { keyedBy } from './match.ts'
import { limitsOf, type MatchOptions } from './match-options.ts'
import { Matches } from './matches.ts'
import { type FoundMatch, type KeyTrace, MatchResults, type OfRule, type TimedOutMatch } from './results.ts'
import { type RejectedRule, RuleBook, type RuleChange, type StoredRule } from './rule-book.ts'
import { deleteEventsOf } from './rule-events.ts'

export interface RuleMatch<K, T> extends FoundMatch<K, DataMatch<T>>, OfRule {}

/** What the rules find, each with its id and version. */
export class RuleMatches<K, T> extends Matches<K, T, DataMatch<T>, RuleMatch<K, T>, OfRule> {
  /** Changes of the rules that were not made, and why. */
  readonly rejected: DataStream<RejectedRule>

  constructor(
    found: DataStream<RuleMatch<K, T>>,
    tags: {
      readonly timedOut: OutputTag<TimedOutMatch<K, Loose<DataMatch<T>>> & OfRule>
      readonly late: OutputTag<T>
      readonly trace: OutputTag<KeyTrace<K> & OfRule>
      readonly rejected: OutputTag<RejectedRule>
    },
  ) {
    super(found, tags)
    this.rejected = found.sideOutput(tags.rejected)
  }
}

/**
 * Looks for patterns that come on a stream of their own and change while the job runs. A rule holds for the events that are
 * looked at after it has come; a new version begins anew, and what the former one had begun is dropped. Every task keeps all rules.
 *
 * @example
 * const rules = env.topic('rules', json<RuleChange>())
 * matchRules(payments.keyBy((p) => p.card), rules).select((match, { rule, version, key }) => ({ rule, version, card: key }))
 */
export function matchRules<K, T>(
  stream: KeyedStream<K, T>,
  changes: DataStream<RuleChange>,
  options?: MatchOptions<K, T>,
): RuleMatches<K, T>
export function matchRules<T>(
  stream: DataStream<T>,
  changes: DataStream<RuleChange>,
  options?: MatchOptions<'all', T>,
): RuleMatches<'all', T>
export function matchRules<K, T>(
  stream: KeyedStream<K, T> | DataStream<T>,
  changes: DataStream<RuleChange>,
  options: MatchOptions<K, T> = {},
): RuleMatches<K, T> {
  const { time = 'event', order, serde = msgpack<T>(), trace, name = 'rules' } = options
  const book = new RuleBook(limitsOf(options))
  const tags = {
    timedOut: outputTag<TimedOutMatch<K, Loose<DataMatch<T>>> & OfRule>('timed-out'),
    late: outputTag<T>('late'),
    trace: outputTag<KeyTrace<K> & OfRule>('trace'),
    rejected: outputTag<RejectedRule>('rejected'),
  }
  const results = new MatchResults<K>(tags, trace ?? null, true)
  const matcher = new KeyMatcher({ time, order: order ?? null, name }, results)
  const partial = valueState<KeyState>({ serde: keyStateSerde(serde as Serde<unknown>, '') })
  const events = mapState<string, unknown>({ serde: serde as Serde<unknown> })
  const broadcast = changes.broadcast({ state: { rules: mapState<string, StoredRule>() } })
  const found = keyedBy(stream, options.serde)
    .connect(broadcast)
    .process({
      state: { partial, events },
      waitsForEventTime: time === 'event',
      open(context) {
        matcher.open(context)
        results.open(context)
        book.open(context.index)
      },
      onRecord(event, context, out: Collector<RuleMatch<K, T>>) {
        const rules = book.rulesOf(context.index, context.broadcast.rules)
        matcher.onRecord(event, context as unknown as MatchingContext, rules, out as Collector<never>)
      },
      onTimer({ timeMs }, context, out) {
        const rules = book.rulesOf(context.index, context.broadcast.rules)
        matcher.onTimer(timeMs, context as unknown as MatchingContext, rules, out as Collector<never>)
      },
      onBroadcast(change, context) {
        const made = book.apply(change, context.index, context.broadcast.rules)
        if (made === null) return
        if (typeof made !== 'string') {
          // Every task refuses it; one says so.
          if (context.index === 0) context.side(tags.rejected, made)
          return
        }
        context.forEachKey(({ state }) => {
          const kept = state.partial.get()
          if (kept?.rules.some(({ rule }) => rule === made) !== true) return
          deleteEventsOf(state.events, made, null)
          kept.rules = kept.rules.filter(({ rule }) => rule !== made)
          if (kept.isEmpty && kept.deadlineTimerMs === Number.POSITIVE_INFINITY) state.partial.clear()
          else state.partial.set(kept)
        })
      },
    })
  if (options.uid !== undefined) found.uid(options.uid)
  found.named(name)
  return new RuleMatches<K, T>(found, tags)
}
