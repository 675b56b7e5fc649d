import type { Condition } from '../pattern/condition.ts'
import type { AfterMatch, Contiguity } from '../pattern/nodes.ts'

/*
 * The automaton of a pattern has a position for each place where an event can be taken (Glushkov's construction): a stage, once
 * for each repetition that must be told apart. A partial match stands at the position that took its last event, and waits on
 * the edges from there. There are no steps without an event, so each edge's contiguity counts from that last event, however
 * many optional stages it passes over.
 */

export interface Automaton {
  readonly name: string
  /** Names of the stages that take events, in order. */
  readonly stages: readonly string[]
  readonly conditions: readonly Condition[]
  readonly positions: readonly Position[]
  /** To where a match can begin. */
  readonly starts: readonly Edge[]
  readonly withinMs: number
  readonly afterMatch: AfterMatch
  /** Something depends on how much time has passed. */
  readonly isTimed: boolean
  /** Different ways through the automaton may take the same events by the same names. */
  readonly isAmbiguous: boolean
  /** Names the structure: what was stored for another one cannot be read. */
  readonly fingerprint: string
}

/** No condition: it holds for every event. */
export const ALWAYS = -1

export interface Position {
  readonly index: number
  /** Index of its stage's name. */
  readonly stage: number
  readonly label: string
  readonly condition: number
  readonly edges: Edge[]
  /** How a match can end here; none where it cannot. */
  readonly ends: End[]
  /** Whether the first event after the one taken here is looked at differently from later ones. */
  looksAtNext: boolean
}

export interface Edge {
  readonly to: Position
  readonly contiguity: Contiguity
  /** What must not come before the edge is taken. */
  readonly nots: Negation[]
  /** The edge ends with an event for which one of these holds. */
  readonly untils: readonly number[]
  /** Nor is an event taken for which one of these holds. */
  readonly blocks: readonly number[]
  /** Since the last event; infinity for no bound. */
  readonly withinMs: number
  /** Edges of greedy stages that this one leaves behind: an event that they can take is not left to it. */
  readonly yieldsTo: readonly Edge[]
  /** Bit by bit the edges and ends that yield to this one. */
  yielding: number
  /** Bit by bit the edges before this one that lead to the same position: with the same event all come to the same. */
  alternatives: number
}

export interface Negation {
  readonly name: string
  readonly condition: number
  readonly kind: 'notNext' | 'notFollowedBy'
}

/** A way in which a match can end. */
export interface End {
  readonly nots: readonly Negation[]
  readonly yieldsTo: readonly Edge[]
  readonly withinMs: number
  /**
   * `now`: with the event that was taken. `next`: with the event after it, unless that is taken greedily or must not come.
   * `time`: when the time for what must not come has passed.
   */
  readonly when: 'now' | 'next' | 'time'
}
