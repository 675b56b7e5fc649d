import type { Contiguity, StageNode } from '../pattern/nodes.ts'
import type { Edge, Negation, Position } from './automaton.ts'

/** A way out of a part of the pattern: from a position, or from the very beginning (null). */
export interface Exit {
  readonly from: Position | null
  /** What must not come on it. */
  readonly nots: readonly Negation[]
  /** Edges of greedy stages that are left behind by going out this way. */
  readonly yieldsTo: readonly Edge[]
}

/** A way into a part of the pattern. Null for the contiguity of what leads there. */
export interface Entry {
  readonly to: Position
  readonly contiguity: Contiguity | null
  readonly withinMs: number
  /** Greedy stages that are passed over by going in this way. */
  readonly yieldsTo: readonly Position[]
}

/** A part of the pattern, with its inner edges made. */
export interface Fragment {
  readonly entries: readonly Entry[]
  readonly exits: readonly Exit[]
  readonly isNullable: boolean
  /** Greedy stages that are passed over where nothing of it is taken. */
  readonly passed: readonly Position[]
  /** Edges from one repetition of a simple stage to the next; a `notFollowedBy` after the stage holds for them too. */
  readonly repetitions: readonly Edge[]
}

/** What edges need to know of the position they lead to. */
export interface PositionRole {
  readonly node: StageNode
  /** Conditions that end the loops it is in, the outermost first. */
  readonly untils: readonly number[]
}
