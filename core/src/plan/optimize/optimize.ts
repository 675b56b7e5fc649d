import type { LogicalGraph } from '../logical-graph.ts'
import { type Cut, cutRegions } from '../regions.ts'
import type { AppliedRule, RuleName } from './applied.ts'
import { chooseJoins } from './choose-join.ts'
import { filterSources } from './filter-source.ts'
import { forwardBytes } from './forward-bytes.ts'
import { keepOrder } from './keep-order.ts'
import { keepPartitioning } from './keep-partitioning.ts'
import { preAggregate, type Rewritten } from './pre-aggregate.ts'
import { projectSources } from './project-source.ts'
import type { Changed } from './rewrite.ts'
import { shareSubplans } from './share-subplans.ts'

export interface Optimized {
  readonly graph: LogicalGraph
  readonly uids: ReadonlyMap<number, string>
  readonly cut: Cut
  /** Inputs of sinks and exchanges that copy bytes, as `inputId` names them. */
  readonly copies: ReadonlySet<string>
  readonly applied: readonly AppliedRule[]
}

/**
 * Applies the rules one after the other, but for those that are left out. They change how a job computes, never what; operators keep
 * the uids that they had as written, so that state is found again whatever the rules do.
 */
export function optimize(
  graph: LogicalGraph,
  uids: ReadonlyMap<number, string>,
  parallelism: number,
  without: readonly RuleName[] = [],
): Optimized {
  const applied: AppliedRule[] = []
  let current = { graph, uids }
  const apply = (rule: RuleName, change: (before: typeof current) => Changed & Partial<Rewritten>): void => {
    if (without.includes(rule)) return
    const changed = change(current)
    applied.push(...changed.applied)
    current = { graph: changed.graph, uids: changed.uids ?? current.uids }
  }
  apply('share-subplan', (before) => shareSubplans(before.graph, before.uids))
  apply('choose-join', (before) => chooseJoins(before.graph, before.uids, parallelism))
  apply('keep-partitioning', (before) => keepPartitioning(before.graph, before.uids, parallelism))
  apply('keep-order', (before) => keepOrder(before.graph, before.uids))
  apply('pre-aggregate', (before) => preAggregate(before.graph, before.uids, parallelism))
  const cut = cutRegions(current.graph, parallelism)
  const widestCut = parallelism > 1 ? cut : cutRegions(current.graph, 2)
  let copies: ReadonlySet<string> = new Set()
  apply('forward-bytes', (before) => {
    const forwarded = forwardBytes(before.graph, before.uids, widestCut.isCut)
    copies = forwarded.copies
    return forwarded
  })
  apply('filter-source', (before) => filterSources(before.graph, before.uids))
  apply('project-source', (before) => projectSources(before.graph, before.uids, cut.isCut, copies))
  return { ...current, cut, copies, applied }
}
