import type { Collector, OpenContext, OutputTag, ProcessContext } from '@millrace/core'
import type { Findings } from '../matcher/matcher.ts'
import type { TraceEntry, Tracer } from '../matcher/trace.ts'
import type { AnyMatch } from '../pattern/match-types.ts'
import type { Results, Rule } from './key-matcher.ts'

/** A match, and what is known of it. */
export interface FoundMatch<K, Match> {
  readonly key: K
  readonly match: Match
  /** When it was complete, in milliseconds: time of the event, or of the time-out, that completed it. */
  readonly timestamp: number
}

/** A partial match for which the time has run out: stages that it did not come to have no events. */
export interface TimedOutMatch<K, Match> {
  readonly key: K
  readonly match: Match
  /** When the time had run out, in milliseconds. */
  readonly timestamp: number
}

export interface KeyTrace<K> extends TraceEntry {
  readonly key: K
}

/** Of a rule that came from a stream of rules. */
export interface OfRule {
  readonly rule: string
  readonly version: number
}

export interface ResultTags {
  readonly timedOut: OutputTag<never>
  readonly late: OutputTag<never>
  readonly trace: OutputTag<never>
}

type Context = Pick<ProcessContext, 'side' | 'index'> & { readonly key: unknown }
type Count = { value: number }

/** Sends what is found to the outputs, and counts it. One object for all records. */
export class MatchResults<K> implements Results, Findings {
  readonly #tags: ResultTags
  readonly #trace: ((key: K) => boolean) | null
  readonly #namesRule: boolean
  // By task: what tasks of a thread share is told apart by the index.
  readonly #counts: { matches: Count; timedOut: Count; late: Count; dropped: Count }[] = []
  #context!: Context
  #out!: Collector<unknown>
  #rule!: Rule

  constructor(tags: object, trace: ((key: K) => boolean) | null, namesRule = false) {
    this.#tags = tags as ResultTags
    this.#trace = trace
    this.#namesRule = namesRule
  }

  open({ index, metrics }: OpenContext): void {
    this.#counts[index] = {
      matches: metrics.counter('millrace_cep_matches_total', 'Matches given'),
      timedOut: metrics.counter('millrace_cep_timed_out_total', 'Partial matches for which the time ran out'),
      late: metrics.counter('millrace_cep_late_total', 'Events that came after the watermark had passed them'),
      dropped: metrics.counter('millrace_cep_dropped_total', 'Partial matches dropped because the key had too many'),
    }
  }

  begin(context: unknown, out: Collector<never>): void {
    this.#context = context as Context
    this.#out = out as Collector<unknown>
  }

  of(rule: Rule): Findings {
    this.#rule = rule
    return this
  }

  onMatch(match: AnyMatch, timestamp: number): void {
    this.#count('matches')
    this.#out.emit(this.#found(match, timestamp), timestamp)
  }

  onTimeout(match: AnyMatch, timestamp: number): void {
    this.#count('timedOut')
    this.#context.side(this.#tags.timedOut as OutputTag<unknown>, this.#found(match, timestamp))
  }

  onDropped(): void {
    this.#count('dropped')
  }

  onLate(event: unknown): void {
    this.#count('late')
    this.#context.side(this.#tags.late as OutputTag<unknown>, event)
  }

  tracerOf(rule: Rule, key: unknown): Tracer | null {
    if (this.#trace === null || !this.#trace(key as K)) return null
    return (entry) => {
      const of = this.#namesRule ? { rule: rule.id, version: rule.version } : {}
      this.#context.side(this.#tags.trace as OutputTag<unknown>, { key, ...entry, ...of })
    }
  }

  #found(match: AnyMatch, timestamp: number): unknown {
    const { key } = this.#context
    if (!this.#namesRule) return { key, match, timestamp }
    return { rule: this.#rule.id, version: this.#rule.version, key, match, timestamp }
  }

  #count(what: 'matches' | 'timedOut' | 'late' | 'dropped'): void {
    const counts = this.#counts[this.#context.index]
    if (counts !== undefined) counts[what].value++
  }
}
