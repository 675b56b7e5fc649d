import type { LogicalEdge, LogicalGraph, LogicalNode } from '../logical-graph.ts'
import type { AppliedRule } from './applied.ts'

/** What a rule makes of a graph whose nodes keep their ids. */
export interface Changed {
  readonly graph: LogicalGraph
  readonly applied: readonly AppliedRule[]
}

export function isBoundedSource(node: LogicalNode): boolean {
  if (node.kind !== 'source') return false
  return node.source.kind === 'topic' ? node.source.bounded : node.source.source.bounded
}

/** Who reads each node. */
export function readersOf(graph: LogicalGraph): ReadonlyMap<number, readonly LogicalNode[]> {
  const readers = new Map<number, LogicalNode[]>()
  for (const node of graph.nodes) {
    for (const { from } of node.inputs) readers.set(from, [...(readers.get(from) ?? []), node])
  }
  return readers
}

export function withPartitioning(
  node: LogicalNode,
  input: number,
  partitioning: LogicalEdge['partitioning'],
): LogicalNode {
  const inputs = node.inputs.map((edge, at) => (at === input ? { ...edge, partitioning } : edge))
  return { ...node, inputs } as LogicalNode
}
