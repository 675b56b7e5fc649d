import type { ConditionNode } from './condition.ts'

/** How a stage stands to what was taken before it. `begin` is the first one of a sequence. */
export type Joining = 'begin' | Contiguity | Negative

/**
 * `next`: the very next event. `followedBy`: the next event that fits. `followedByAny`: any later event that fits, each in a
 * match of its own.
 */
export type Contiguity = 'next' | 'followedBy' | 'followedByAny'
export type Negative = 'notNext' | 'notFollowedBy'

export interface Quantifier {
  readonly min: number
  /** Infinity for a loop without bound. */
  readonly max: number
  /** May be left out. */
  readonly isOptional: boolean
  /** Takes every event that it can before the stage after it gets one. */
  readonly isGreedy: boolean
  /** Contiguity from one repetition to the next. */
  readonly inner: Contiguity
  /** It was said how often the stage comes. */
  readonly isLoop: boolean
}

interface NodeBase {
  readonly join: Joining
  readonly quantifier: Quantifier
  readonly until: ConditionNode | null
  /** How soon after the event before it an event must come; null for no bound. */
  readonly withinMs: number | null
}

export interface StageNode extends NodeBase {
  readonly kind: 'stage'
  readonly name: string
  /** Null takes every event. */
  readonly condition: ConditionNode | null
}

export interface GroupNode extends NodeBase {
  readonly kind: 'group'
  readonly sequence: readonly PatternNode[]
}

export type PatternNode = StageNode | GroupNode

/** What is dropped after a match was given. */
export type AfterMatch =
  | { readonly kind: 'noSkip' }
  | { readonly kind: 'skipToNext' }
  | { readonly kind: 'skipPastLastEvent' }
  | { readonly kind: 'skipToFirst' | 'skipToLast'; readonly stage: string; readonly missing: 'ignore' | 'error' }

/** A whole pattern, as data. */
export interface PatternTree {
  readonly name: string
  readonly sequence: readonly PatternNode[]
  /** All events of a match lie within less than this, in milliseconds; null for no bound. */
  readonly withinMs: number | null
  readonly afterMatch: AfterMatch | null
}

export const once: Quantifier = {
  min: 1,
  max: 1,
  isOptional: false,
  isGreedy: false,
  inner: 'followedBy',
  isLoop: false,
}

export function isNegative(node: PatternNode): node is StageNode & { readonly join: Negative } {
  return node.join === 'notNext' || node.join === 'notFollowedBy'
}

/** Nothing of it need be matched. */
export function isNullable(node: PatternNode): boolean {
  if (isNegative(node)) return true
  return node.quantifier.isOptional || (node.kind === 'group' && node.sequence.every(isNullable))
}

/** All stages, in order, those of groups included. */
export function* stagesOf(sequence: readonly PatternNode[]): Iterable<StageNode> {
  for (const node of sequence) {
    if (node.kind === 'stage') yield node
    else yield* stagesOf(node.sequence)
  }
}
