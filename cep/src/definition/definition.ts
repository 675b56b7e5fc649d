import type { Duration } from '@millrace/core'
import type { Contiguity, Negative } from '../pattern/nodes.ts'

/** A condition: the text of an expression, or several of which all, or any, must hold. */
export type ConditionDefinition =
  | string
  | { readonly all: readonly ConditionDefinition[] }
  | { readonly any: readonly ConditionDefinition[] }

interface PartDefinition {
  /** How it stands to what comes before it; the first part of a pattern or group has none. */
  readonly follows?: Contiguity | Negative
  /** How often: a number, or from so many on, to so many or (null) without bound. */
  readonly times?: number | { readonly from: number; readonly to: number | null }
  readonly optional?: boolean
  readonly greedy?: boolean
  /** How the repetitions of a loop follow each other; without it, others may lie between them that do not fit. */
  readonly repeats?: 'consecutive' | 'combinations'
  readonly until?: ConditionDefinition
  /** Longest time since the event before, e.g. `'10s'`. */
  readonly within?: Duration
}

export interface StageDefinition extends PartDefinition {
  readonly name: string
  readonly where?: ConditionDefinition
}

export interface GroupDefinition extends PartDefinition {
  readonly group: readonly (StageDefinition | GroupDefinition)[]
}

/** A pattern as data, for a topic or a file. */
export interface PatternDefinition {
  readonly name: string
  readonly stages: readonly (StageDefinition | GroupDefinition)[]
  readonly within?: Duration
  readonly afterMatch?:
    | { readonly skip: 'noSkip' | 'skipToNext' | 'skipPastLastEvent' }
    | { readonly skip: 'skipToFirst' | 'skipToLast'; readonly stage: string; readonly missing?: 'ignore' | 'error' }
}
