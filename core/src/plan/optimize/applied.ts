/** The rules of the optimiser, in the order in which they are applied. */
export const RULES = [
  'share-subplan',
  'choose-join',
  'keep-partitioning',
  'keep-order',
  'pre-aggregate',
  'forward-bytes',
  'filter-source',
  'project-source',
] as const

export type RuleName = (typeof RULES)[number]

/** A rule of the optimiser that changed the plan: which one, at which operator, and what it brings. */
export interface AppliedRule {
  readonly rule: RuleName
  readonly uid: string
  readonly text: string
}
