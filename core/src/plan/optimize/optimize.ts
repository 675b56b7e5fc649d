import type { LogicalGraph } from '../logical-graph.ts'
import { type Cut, cutRegions } from '../regions.ts'
import type { AppliedRule } from './applied.ts'
import { chooseJoins } from './choose-join.ts'
import { filterSources } from './filter-source.ts'
import { forwardBytes } from './forward-bytes.ts'
import { keepOrder } from './keep-order.ts'
import { keepPartitioning } from './keep-partitioning.ts'
import { preAggregate } from './pre-aggregate.ts'
import { projectSources } from './project-source.ts'
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
 * Applies the rules one after the other. They change how a job computes, never what; operators keep the uids that they had as
 * written, so that state is found again whatever the rules do.
 */
export function optimize(graph: LogicalGraph, uids: ReadonlyMap<number, string>, parallelism: number): Optimized {
  const shared = shareSubplans(graph, uids)
  const chosen = chooseJoins(shared.graph, shared.uids, parallelism)
  const kept = keepPartitioning(chosen.graph, shared.uids, parallelism)
  const ordered = keepOrder(kept.graph, shared.uids)
  const gathered = preAggregate(ordered.graph, shared.uids, parallelism)
  const cut = cutRegions(gathered.graph, parallelism)
  const widestCut = parallelism > 1 ? cut : cutRegions(gathered.graph, 2)
  const forwarded = forwardBytes(gathered.graph, gathered.uids, widestCut.isCut)
  const filtered = filterSources(forwarded.graph, gathered.uids)
  const projected = projectSources(filtered.graph, gathered.uids, cut.isCut, forwarded.copies)
  return {
    graph: projected.graph,
    uids: gathered.uids,
    cut,
    copies: forwarded.copies,
    applied: [shared, chosen, kept, ordered, gathered, forwarded, filtered, projected].flatMap(
      ({ applied }) => applied,
    ),
  }
}
