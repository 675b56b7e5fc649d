/** A rule of the optimiser that changed the plan: which one, at which operator, and what it brings. */
export interface AppliedRule {
  readonly rule:
    | 'pre-aggregate'
    | 'forward-bytes'
    | 'project-source'
    | 'filter-source'
    | 'share-subplan'
    | 'choose-join'
    | 'keep-partitioning'
    | 'keep-order'
  readonly uid: string
  readonly text: string
}
