import {
  type Collector,
  type KeyedContext,
  type MapState,
  type OpenContext,
  TimestampError,
  type ValueState,
} from '@millrace/core'
import type { Findings, Matcher } from '../matcher/matcher.ts'
import { PartialMatches } from '../matcher/partial-matches.ts'
import { hasEventsToStore, readEvents, storeEvents } from '../matcher/stored-events.ts'
import type { Tracer } from '../matcher/trace.ts'
import type { WaitingEvent } from './event-queue.ts'
import { KeyState, type RuleMatches } from './key-state.ts'
import { deleteEventsOf, RuleEvents } from './rule-events.ts'

const NEVER = Number.POSITIVE_INFINITY
/** Later than any event: a timer that fires when the input has ended. */
const END_MS = 8_640_000_000_000_000

/** A pattern that is being looked for, under a name and in a version. */
export interface Rule {
  readonly id: string
  readonly version: number
  readonly matcher: Matcher
}

/** What a key's function needs of its context. */
export type MatchingContext = Pick<
  KeyedContext<unknown, never>,
  'key' | 'index' | 'timestamp' | 'watermark' | 'timers' | 'now'
> & {
  readonly state: {
    readonly partial: ValueState<KeyState>
    /** Those events of large partial matches that are stored one by one. */
    readonly events: MapState<string, unknown>
  }
}

/** Where results go, rule by rule. */
export interface Results {
  begin(context: unknown, out: Collector<never>): void
  /** From now on it is this rule that finds. */
  of(rule: Rule): Findings
  onLate(event: unknown): void
  /** Null when the key is not traced. */
  tracerOf(rule: Rule, key: unknown): Tracer | null
}

export interface KeyMatcherOptions {
  readonly time: 'event' | 'processing'
  readonly order: ((a: never, b: never) => number) | null
  readonly name: string
}

/** Brings the events of keys into order, hands them to the matchers of rules, and lets time pass for what waits. */
export class KeyMatcher {
  readonly #options: KeyMatcherOptions
  readonly #results: Results
  // Of the call that is under way.
  #state: KeyState | null = null
  #events!: MapState<string, unknown>
  #rule!: Rule
  /** By task: the latest time that the clock has shown, or the watermark before the end. */
  readonly #lastMs: number[] = []
  readonly #ruleEvents = new RuleEvents()

  constructor(options: KeyMatcherOptions, results: Results) {
    this.#options = options
    this.#results = results
  }

  open({ index }: OpenContext): void {
    this.#lastMs[index] = Number.NEGATIVE_INFINITY
  }

  onRecord(event: unknown, context: MatchingContext, rules: readonly Rule[], out: Collector<never>): void {
    this.#results.begin(context, out)
    if (this.#options.time === 'event') this.#queue(event, context)
    else this.#process(event, context, rules)
  }

  /** A timer of the key has fired. */
  onTimer(timeMs: number, context: MatchingContext, rules: readonly Rule[], out: Collector<never>): void {
    const state = context.state.partial.get()
    if (state === undefined) return
    this.#begin(state, context)
    this.#results.begin(context, out)
    const isEvent = this.#options.time === 'event'
    const nowMs = isEvent ? context.watermark : Math.max(context.now(), timeMs)
    const hasEnded = context.watermark === NEVER
    if (isEvent && !hasEnded) this.#lastMs[context.index] = nowMs
    if (state.waitingTimerMs <= nowMs) state.waitingTimerMs = NEVER
    if (state.deadlineTimerMs <= nowMs) state.deadlineTimerMs = NEVER
    if (hasEnded) state.hasEndTimer = false
    const { waiting } = state
    waiting.sort(this.#options.order)
    const due = waiting.countUpTo(nowMs)
    for (let at = 0; at < due; at++) {
      const { event, timestamp } = waiting.events[at] as WaitingEvent
      this.#match(event, timestamp, context.key, rules)
    }
    waiting.drop(due)
    this.#expire(nowMs, context.key, rules)
    if (hasEnded) this.#end(this.#lastMs[context.index] as number, rules)
    this.#keep(context, true)
  }

  #queue(event: unknown, context: MatchingContext): void {
    const { timestamp } = context
    if (timestamp === Number.NEGATIVE_INFINITY) {
      throw new TimestampError(
        `Matches of '${this.#options.name}' are looked for in event time, but a record has none; give the source a watermark strategy, or match with time: 'processing'.`,
      )
    }
    if (timestamp <= context.watermark) {
      this.#results.onLate(event)
      return
    }
    const { partial } = context.state
    const state = partial.get() ?? new KeyState()
    state.waiting.push(event, timestamp, this.#options.order !== null)
    if (timestamp < state.waitingTimerMs) {
      if (state.waitingTimerMs !== NEVER) context.timers.deleteEventTime(state.waitingTimerMs)
      state.waitingTimerMs = timestamp
      context.timers.atEventTime(timestamp)
      // The deadline's timer may be of the same time and must not go with it.
      if (state.deadlineTimerMs !== NEVER) context.timers.atEventTime(state.deadlineTimerMs)
    }
    partial.set(state)
  }

  #process(event: unknown, context: MatchingContext, rules: readonly Rule[]): void {
    const known = context.state.partial.get()
    this.#begin(known ?? null, context)
    // A clock that is set back must not turn the order round.
    const nowMs = Math.max(this.#lastMs[context.index] as number, context.now())
    this.#lastMs[context.index] = nowMs
    if (this.#match(event, nowMs, context.key, rules)) this.#keep(context, known !== undefined)
  }

  #begin(state: KeyState | null, context: MatchingContext): void {
    this.#state = state
    this.#events = context.state.events
    if (state === null) return
    for (const each of state.rules) {
      if (each.matches.unread.length === 0) continue
      readEvents(each.matches.unread, this.#ruleEvents.of(this.#events, each))
      each.matches.unread = []
    }
  }

  /** Hands the event to every rule; says whether anything that is kept has changed. */
  #match(event: unknown, timestamp: number, key: unknown, rules: readonly Rule[]): boolean {
    let hasChanged = false
    for (let at = 0; at < rules.length; at++) {
      const rule = rules[at] as Rule
      this.#rule = rule
      const matches = this.#matchesOf(rule)
      const findings = this.#results.of(rule)
      const tracer = this.#results.tracerOf(rule, key)
      if (rule.matcher.onEvent(matches, this.#create, event, timestamp, findings, tracer)) hasChanged = true
    }
    return hasChanged
  }

  #matchesOf(rule: Rule): PartialMatches | null {
    if (this.#state === null) return null
    const { rules } = this.#state
    for (let at = 0; at < rules.length; at++) {
      const each = rules[at] as RuleMatches
      if (each.rule !== rule.id) continue
      if (each.version === rule.version) return each.matches
      // What another version of the rule has begun means nothing to this one.
      rules.splice(at, 1)
      deleteEventsOf(this.#events, each.rule, each.version)
      return null
    }
    return null
  }

  readonly #create = (): PartialMatches => {
    this.#state ??= new KeyState()
    const matches = new PartialMatches()
    this.#state.rules.push({ rule: this.#rule.id, version: this.#rule.version, matches })
    return matches
  }

  #expire(nowMs: number, key: unknown, rules: readonly Rule[]): void {
    for (const rule of rules) {
      const matches = this.#matchesOf(rule)
      if (matches === null) continue
      rule.matcher.onTime(matches, nowMs, this.#results.of(rule), this.#results.tracerOf(rule, key))
    }
  }

  /** What was held back is given: nothing can come any more that would take its place. */
  #end(lastMs: number, rules: readonly Rule[]): void {
    for (const rule of rules) {
      const matches = this.#matchesOf(rule)
      if (matches !== null && matches.held.length > 0) rule.matcher.onEnd(matches, lastMs, this.#results.of(rule))
    }
  }

  /** Stores what is left of the key, with the timers that it needs. */
  #keep(context: MatchingContext, wasKept: boolean): void {
    const state = this.#state as KeyState
    this.#state = null
    let kept = 0
    let deadlineMs = NEVER
    let isHeld = false
    for (const each of state.rules) {
      const { buffer } = each.matches
      if (hasEventsToStore(buffer)) storeEvents(buffer, this.#ruleEvents.of(context.state.events, each))
      if (each.matches.isEmpty) continue
      state.rules[kept++] = each
      deadlineMs = Math.min(deadlineMs, each.matches.deadlineMs)
      if (each.matches.held.length > 0) isHeld = true
    }
    state.rules.length = kept
    this.#setTimers(state, deadlineMs, isHeld, context)
    if (!state.isEmpty) context.state.partial.set(state)
    else if (wasKept) context.state.partial.clear()
  }

  #setTimers(state: KeyState, deadlineMs: number, isHeld: boolean, { timers, watermark }: MatchingContext): void {
    const isEvent = this.#options.time === 'event'
    if (state.waiting.size > 0 && state.waitingTimerMs === NEVER) {
      state.waitingTimerMs = state.waiting.firstMs
      timers.atEventTime(state.waitingTimerMs)
    }
    // A timer that is too early finds nothing to do and sets the next one; it goes when there is nothing to wait for.
    if (deadlineMs < state.deadlineTimerMs || (deadlineMs === NEVER && state.deadlineTimerMs !== NEVER)) {
      if (state.deadlineTimerMs !== NEVER && state.deadlineTimerMs !== state.waitingTimerMs) {
        if (isEvent) timers.deleteEventTime(state.deadlineTimerMs)
        else timers.deleteProcessingTime(state.deadlineTimerMs)
      }
      state.deadlineTimerMs = deadlineMs
      if (deadlineMs !== NEVER) {
        if (isEvent) timers.atEventTime(deadlineMs)
        else timers.atProcessingTime(deadlineMs)
      }
    }
    if (isHeld !== state.hasEndTimer && watermark !== NEVER) {
      state.hasEndTimer = isHeld
      if (isHeld) timers.atEventTime(END_MS)
      else timers.deleteEventTime(END_MS)
    }
  }
}
