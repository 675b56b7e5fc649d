import type { LogicalGraph } from '../logical-graph.ts'
import { type Cut, cutRegions } from '../regions.ts'
import type { AppliedRule } from './applied.ts'
import { forwardBytes } from './forward-bytes.ts'
import { preAggregate } from './pre-aggregate.ts'
import { projectSources } from './project-source.ts'

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
  const gathered = preAggregate(graph, uids, parallelism)
  const cut = cutRegions(gathered.graph, parallelism)
  const widestCut = parallelism > 1 ? cut : cutRegions(gathered.graph, 2)
  const forwarded = forwardBytes(gathered.graph, gathered.uids, widestCut.isCut)
  const projected = projectSources(forwarded.graph, gathered.uids, cut.isCut, forwarded.copies)
  return {
    graph: projected.graph,
    uids: gathered.uids,
    cut,
    copies: forwarded.copies,
    applied: [...gathered.applied, ...forwarded.applied, ...projected.applied],
  }
}
