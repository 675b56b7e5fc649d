import { type Duration, durationMs } from '@millrace/core'
import { type ConditionNode, type ExpressionCondition, join } from './condition.ts'
import type { Flat, Loose, MatchedSoFar, Narrowed, Optional, Repeated, Times } from './match-types.ts'
import {
  type AfterMatch,
  type GroupNode,
  isNegative,
  type Joining,
  once,
  type PatternNode,
  type PatternTree,
  type Quantifier,
  type StageNode,
} from './nodes.ts'
import { PatternError, type PatternRule } from './pattern-error.ts'

/** Any pattern over events of type `T` whose matches are of type `Match`. */
export interface PatternLike<T, Match> {
  readonly tree: PatternTree
  /** Only for type inference; never set. */
  readonly '~event'?: (event: T) => void
  /** Only for type inference; never set. */
  readonly '~match'?: Match
}

/** The type of a pattern's matches. */
export type MatchOf<P> = P extends PatternLike<never, infer Match> ? Match : never

// With the same parameters as a test, since the compiler takes those of a function from the first overload that it tries.
type GuardOf<S, Match, U extends S> = (event: S, matched: MatchedSoFar<Match>) => event is U
type TestOf<S, Match> = (event: S, matched: MatchedSoFar<Match>) => boolean

/** What to do where a match has no event of the stage to skip to. */
export interface SkipOptions {
  /** @default 'ignore': nothing is skipped */
  readonly missing?: 'ignore' | 'error'
}

/**
 * Begins a pattern over events of type `T`. Its name is for errors, traces and metrics.
 *
 * @example
 * const suspicious = pattern<Payment>('probe')
 *   .begin('small').where((p) => p.amount < 5)
 *   .next('large').where((p, matched) => p.amount > 100 * matched.first('small').amount)
 *   .within('1m')
 */
export function pattern<T>(name = 'pattern'): PatternStart<T> {
  return new PatternStart<T>(name)
}

/** Builds a group where it stands, so that its conditions know the stages before it, whose events are those of `Outer`. */
export type GroupOf<T, Outer, Match> = (group: PatternStart<T, Outer>) => PatternLike<T, Match>

/** A pattern that has no stage yet; `Outer` are the stages before the group that it is. */
export class PatternStart<T, Outer = unknown> {
  readonly #name: string

  constructor(name: string) {
    if (typeof name !== 'string' || name === '') {
      throw new PatternError(String(name), 'name-missing', 'a pattern needs a name that is not empty')
    }
    this.#name = name
  }

  /** The first stage, or a group of stages. */
  begin<const Name extends string>(name: Name): Pattern<T, unknown, { readonly [N in Name]: readonly [T] }, T, Outer>
  begin<Match>(group: PatternLike<T, Match> | GroupOf<T, Outer, Match>): Pattern<T, unknown, Match, T, Outer>
  begin(stage: string | PatternLike<T, unknown> | GroupOf<T, never, unknown>): Pattern<T, unknown, never, T, Outer> {
    const empty: PatternTree = { name: this.#name, sequence: [], withinMs: null, afterMatch: null }
    return new Pattern<T, unknown, never, T, Outer>(append(empty, 'begin', stage))
  }
}

/**
 * A pattern as far as it was said. It is immutable: every method gives a new one. `Done` are the stages before the current one,
 * `Current` is what the current one adds to a match, and `S` the type that its events are known to have. `Outer` are the stages
 * before the group that the pattern is, which its conditions see too.
 */
export class Pattern<T, Done, Current, S extends T, Outer = unknown> implements PatternLike<T, Flat<Done & Current>> {
  readonly tree: PatternTree
  declare readonly '~event'?: (event: T) => void
  declare readonly '~match'?: Flat<Done & Current>

  constructor(tree: PatternTree) {
    this.tree = tree
  }

  /**
   * The current stage takes only events for which the condition holds, besides those already asked for. A type guard narrows
   * the type of the stage's events. A condition that names a second parameter sees the events that this partial match has
   * taken so far.
   */
  where<U extends S>(
    guard: GuardOf<S, Flat<Outer & Done & Loose<Current>>, U>,
  ): Pattern<T, Done, Narrowed<Current, U>, U, Outer>
  where(test: TestOf<S, Flat<Outer & Done & Loose<Current>>>): Pattern<T, Done, Current, S, Outer>
  where(condition: ExpressionCondition): Pattern<T, Done, Current, S, Outer>
  where(condition: unknown): Pattern<T, Done, never, never, Outer> {
    return this.#stage('where', (stage) => ({
      ...stage,
      condition: join('all', stage.condition, conditionOf(this.tree.name, stage.name, condition)),
    }))
  }

  /** The stage also takes events for which this holds, whatever was asked for before. */
  or(test: TestOf<T, Flat<Outer & Done & Loose<Current>>>): Pattern<T, Done, Narrowed<Current, T>, T, Outer>
  or(condition: ExpressionCondition): Pattern<T, Done, Narrowed<Current, T>, T, Outer>
  or(condition: unknown): Pattern<T, Done, Narrowed<Current, T>, T, Outer> {
    return this.#stage('or', (stage) => {
      const other = conditionOf(this.tree.name, stage.name, condition)
      // What takes everything takes no more by an alternative.
      return { ...stage, condition: stage.condition === null ? null : join('any', stage.condition, other) }
    })
  }

  /** The stage takes only events of this subtype, as a type guard says. */
  subtype<U extends S>(guard: (event: S) => event is U): Pattern<T, Done, Narrowed<Current, U>, U, Outer> {
    return this.where(guard)
  }

  /** The very next event must be this one. */
  next<const Name extends string>(
    name: Name,
  ): Pattern<T, Flat<Done & Current>, { readonly [N in Name]: readonly [T] }, T, Outer>
  next<Match>(
    group: PatternLike<T, Match> | GroupOf<T, Flat<Outer & Done & Current>, Match>,
  ): Pattern<T, Flat<Done & Current>, Match, T, Outer>
  next(
    stage: string | PatternLike<T, unknown> | GroupOf<T, never, unknown>,
  ): Pattern<T, Flat<Done & Current>, never, T, Outer> {
    return new Pattern(append(this.tree, 'next', stage))
  }

  /** The next event that fits: others may lie between. */
  followedBy<const Name extends string>(
    name: Name,
  ): Pattern<T, Flat<Done & Current>, { readonly [N in Name]: readonly [T] }, T, Outer>
  followedBy<Match>(
    group: PatternLike<T, Match> | GroupOf<T, Flat<Outer & Done & Current>, Match>,
  ): Pattern<T, Flat<Done & Current>, Match, T, Outer>
  followedBy(
    stage: string | PatternLike<T, unknown> | GroupOf<T, never, unknown>,
  ): Pattern<T, Flat<Done & Current>, never, T, Outer> {
    return new Pattern(append(this.tree, 'followedBy', stage))
  }

  /** Any later event that fits: also others that fit may lie between, so there is a match for each. */
  followedByAny<const Name extends string>(
    name: Name,
  ): Pattern<T, Flat<Done & Current>, { readonly [N in Name]: readonly [T] }, T, Outer>
  followedByAny<Match>(
    group: PatternLike<T, Match> | GroupOf<T, Flat<Outer & Done & Current>, Match>,
  ): Pattern<T, Flat<Done & Current>, Match, T, Outer>
  followedByAny(
    stage: string | PatternLike<T, unknown> | GroupOf<T, never, unknown>,
  ): Pattern<T, Flat<Done & Current>, never, T, Outer> {
    return new Pattern(append(this.tree, 'followedByAny', stage))
  }

  /** The very next event must not be one of these. At the end of a pattern the match comes with that next event. */
  notNext(name: string): Pattern<T, Flat<Done & Current>, unknown, T, Outer> {
    return new Pattern(append(this.tree, 'notNext', name))
  }

  /**
   * No such event may come between what stands before and what stands after; after a loop, none since its first event. At the
   * end of a pattern it needs `within`, and the match comes when that time has passed.
   */
  notFollowedBy(name: string): Pattern<T, Flat<Done & Current>, unknown, T, Outer> {
    return new Pattern(append(this.tree, 'notFollowedBy', name))
  }

  /** The stage or group may be left out. */
  optional(): Pattern<T, Done, Optional<Current>, S, Outer> {
    return this.#quantify('optional', (quantifier) => {
      if (quantifier.isOptional) this.#fail('optional-twice', `${this.#current} is optional already`)
      return { ...quantifier, isOptional: true }
    })
  }

  /** Once or more. */
  oneOrMore(): Pattern<T, Done, Repeated<Current>, S, Outer> {
    return this.#loop('oneOrMore', 1, Number.POSITIVE_INFINITY)
  }

  /** This many times, or from so many to so many times; from 0 on it may be left out. */
  times<const From extends number>(from: From, to: number = from): Pattern<T, Done, Times<Current, From>, S, Outer> {
    return this.#loop('times', from, to)
  }

  /** This many times or more. */
  timesOrMore<const From extends number>(from: From): Pattern<T, Done, Times<Current, From>, S, Outer> {
    return this.#loop('timesOrMore', from, Number.POSITIVE_INFINITY)
  }

  /** The loop takes every event that it can: an event that fits the loop is not left to what stands after it. */
  greedy(): Pattern<T, Done, Current, S, Outer> {
    return this.#quantify('greedy', (quantifier) => {
      if (this.#node.kind === 'group') this.#fail('greedy-on-group', 'a group cannot be greedy')
      if (!quantifier.isLoop && !quantifier.isOptional) {
        this.#fail('loop-needed', `${this.#current} comes once: greedy is for loops and optional stages`)
      }
      if (quantifier.isGreedy) this.#fail('greedy-twice', `${this.#current} is greedy already`)
      if (quantifier.inner === 'followedByAny') {
        this.#fail('greedy-with-combinations', `${this.#current} cannot be greedy and allow combinations`)
      }
      return { ...quantifier, isGreedy: true }
    })
  }

  /** From one repetition to the next, events that fit may be passed over: a match for each combination. */
  allowCombinations(): Pattern<T, Done, Current, S, Outer> {
    return this.#quantify('allowCombinations', (quantifier) => {
      if (quantifier.isGreedy) {
        this.#fail('greedy-with-combinations', `${this.#current} cannot be greedy and allow combinations`)
      }
      return this.#inner(quantifier, 'followedByAny')
    })
  }

  /** From one repetition to the next, nothing may lie between. */
  consecutive(): Pattern<T, Done, Current, S, Outer> {
    return this.#quantify('consecutive', (quantifier) => this.#inner(quantifier, 'next'))
  }

  /** The loop ends before an event for which this holds. */
  until(test: TestOf<T, Flat<Outer & Done & Loose<Current>>>): Pattern<T, Done, Current, S, Outer>
  until(condition: ExpressionCondition): Pattern<T, Done, Current, S, Outer>
  until(condition: unknown): Pattern<T, Done, Current, S, Outer> {
    const node = this.#node
    if (node.quantifier.max !== Number.POSITIVE_INFINITY) {
      this.#fail('loop-unbounded-needed', `${this.#current} has an until, which is for oneOrMore and timesOrMore`)
    }
    if (node.until !== null) this.#fail('until-twice', `${this.#current} has an until already`)
    const name = node.kind === 'stage' ? node.name : 'group'
    return this.#with({ ...node, until: conditionOf(this.tree.name, name, condition) })
  }

  /**
   * All events of a match must lie within less than this. With `'step'` it is the time from the event before to one of the
   * current stage; for `notFollowedBy` at the end, from the last event on.
   */
  within(duration: Duration, of: 'whole' | 'step' = 'whole'): Pattern<T, Done, Current, S, Outer> {
    const withinMs = this.#duration(duration)
    if (of === 'whole') {
      if (this.tree.withinMs !== null) this.#fail('within-twice', 'within was said already')
      return new Pattern({ ...this.tree, withinMs })
    }
    const node = this.#node
    if (node.withinMs !== null) this.#fail('within-twice', `within was said of ${this.#current} already`)
    return this.#with({ ...node, withinMs })
  }

  /** Every match is given. That is so when nothing else is said. */
  noSkip(): Pattern<T, Done, Current, S, Outer> {
    return this.#skip({ kind: 'noSkip' })
  }

  /** After a match, all else that began with the same event is dropped. */
  skipToNext(): Pattern<T, Done, Current, S, Outer> {
    return this.#skip({ kind: 'skipToNext' })
  }

  /** After a match, all that began before its end is dropped. */
  skipPastLastEvent(): Pattern<T, Done, Current, S, Outer> {
    return this.#skip({ kind: 'skipPastLastEvent' })
  }

  /** After a match, all that began before the match's first event of a stage is dropped. */
  skipToFirst(name: keyof (Done & Current) & string, options: SkipOptions = {}): Pattern<T, Done, Current, S, Outer> {
    return this.#skip({ kind: 'skipToFirst', stage: name, missing: options.missing ?? 'ignore' })
  }

  /** After a match, all that began before the match's last event of a stage is dropped. */
  skipToLast(name: keyof (Done & Current) & string, options: SkipOptions = {}): Pattern<T, Done, Current, S, Outer> {
    return this.#skip({ kind: 'skipToLast', stage: name, missing: options.missing ?? 'ignore' })
  }

  get #node(): PatternNode {
    return this.tree.sequence.at(-1) as PatternNode
  }

  get #current(): string {
    const node = this.#node
    return node.kind === 'stage' ? `stage '${node.name}'` : 'the group'
  }

  #fail(rule: PatternRule, text: string): never {
    throw new PatternError(this.tree.name, rule, text)
  }

  #with(node: PatternNode): Pattern<T, Done, never, never, Outer> {
    return new Pattern({ ...this.tree, sequence: [...this.tree.sequence.slice(0, -1), node] })
  }

  #stage(method: string, change: (stage: StageNode) => StageNode): Pattern<T, Done, never, never, Outer> {
    const node = this.#node
    if (node.kind === 'group') {
      this.#fail(
        'condition-on-group',
        `a group takes no condition of its own (${method}); give it to the group's stages`,
      )
    }
    return this.#with(change(node))
  }

  #quantify(method: string, change: (quantifier: Quantifier) => Quantifier): Pattern<T, Done, never, never, Outer> {
    const node = this.#node
    if (isNegative(node)) {
      this.#fail('negative-quantified', `${this.#current} must not come, so ${method} has no meaning for it`)
    }
    return this.#with({ ...node, quantifier: change(node.quantifier) })
  }

  #loop(method: string, from: number, to: number): Pattern<T, Done, never, never, Outer> {
    return this.#quantify(method, (quantifier) => {
      if (quantifier.isLoop) this.#fail('quantifier-twice', `it was said already how often ${this.#current} comes`)
      const isCount = Number.isSafeInteger(from) && (Number.isSafeInteger(to) || to === Number.POSITIVE_INFINITY)
      if (!isCount || from < 0 || to < 1 || to < from) {
        this.#fail('times-invalid', `${this.#current} cannot come ${from === to ? from : `${from} to ${to}`} times`)
      }
      const isOptional = quantifier.isOptional || from === 0
      return { ...quantifier, min: Math.max(from, 1), max: to, isOptional, isLoop: true }
    })
  }

  #inner(quantifier: Quantifier, inner: 'next' | 'followedByAny'): Quantifier {
    if (quantifier.max === 1) {
      this.#fail('loop-needed', `${this.#current} does not repeat: consecutive and allowCombinations are for loops`)
    }
    if (quantifier.inner !== 'followedBy') {
      this.#fail(
        'inner-contiguity-twice',
        `it was said already how the repetitions of ${this.#current} follow each other`,
      )
    }
    return { ...quantifier, inner }
  }

  #skip(afterMatch: AfterMatch): Pattern<T, Done, Current, S, Outer> {
    if (this.tree.afterMatch !== null) this.#fail('skip-twice', 'it was said already what to skip after a match')
    return new Pattern({ ...this.tree, afterMatch })
  }

  #duration(duration: Duration): number {
    let ms: number
    try {
      ms = durationMs(duration)
    } catch (cause) {
      throw new PatternError(this.tree.name, 'within-invalid', `within ${String(duration)} is no duration`, { cause })
    }
    if (!(ms > 0)) this.#fail('within-invalid', `within ${String(duration)} leaves no time; it must be longer than 0`)
    return ms
  }
}

function conditionOf(pattern: string, stage: string, condition: unknown): ConditionNode {
  if (typeof condition === 'function') return { kind: 'test', test: condition as never }
  const kind = (condition as Partial<ConditionNode> | null)?.kind
  if (kind !== undefined) return condition as ConditionNode
  const text = `a condition of stage '${stage}' is ${String(condition)}; give a function, or an expression`
  throw new PatternError(pattern, 'condition-invalid', text)
}

function append(
  tree: PatternTree,
  joining: Joining,
  stage: string | PatternLike<never, unknown> | GroupOf<never, never, unknown>,
): PatternTree {
  const base = { join: joining, quantifier: once, until: null, withinMs: null }
  let node: PatternNode
  if (typeof stage === 'string') {
    if (stage === '') throw new PatternError(tree.name, 'name-missing', 'a stage needs a name that is not empty')
    node = { kind: 'stage', name: stage, condition: null, ...base }
  } else {
    const group = typeof stage === 'function' ? stage(new PatternStart(tree.name)) : stage
    node = { kind: 'group', sequence: groupSequence(tree.name, group), ...base } satisfies GroupNode
  }
  return { ...tree, sequence: [...tree.sequence, node] }
}

function groupSequence(name: string, group: unknown): readonly PatternNode[] {
  const tree = (group as Partial<PatternLike<never, unknown>> | null | undefined)?.tree
  if (tree === undefined) {
    throw new PatternError(name, 'group-not-a-pattern', `a stage is ${String(group)}; give a name or a pattern`)
  }
  if (tree.withinMs !== null) {
    throw new PatternError(name, 'within-in-group', `group '${tree.name}' has a within; say it of the whole pattern`)
  }
  if (tree.afterMatch !== null) {
    throw new PatternError(name, 'skip-in-group', `group '${tree.name}' says what to skip; say it of the whole pattern`)
  }
  return tree.sequence
}
