import { invalid } from './invalid.ts'
import type { LogicalGraph, LogicalNode, SourceNode } from './logical-graph.ts'

/**
 * Refuses operators that wait for event time behind a source that has none to tell: without a watermark strategy it holds event
 * time back for ever, and what waits for it would never come. A source that ends lets everything go then, so it may have none.
 *
 * @throws GRAPH_INVALID naming the operator and the source
 */
export function checkEventTime(graph: LogicalGraph): void {
  for (const node of graph.nodes) {
    if (node.kind !== 'operator' || node.waitsForEventTime !== true) continue
    const timeless = timelessSource(graph, node)
    if (timeless === undefined) continue
    throw invalid(
      graph,
      node,
      `waits for event time, and '${timeless.name}' (added at ${timeless.callSite}) has no watermark strategy, so it would wait for ever; give the source one with the option time, or go by processing time`,
    )
  }
}

/** The first source upstream that never tells event time. What is broadcast, and what a loop feeds back, has no say in it. */
function timelessSource(graph: LogicalGraph, waiting: LogicalNode): SourceNode | undefined {
  const seen = new Set<number>()
  const open: LogicalNode[] = [waiting]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.kind === 'source' && isTimeless(node)) return node
    for (const { from, partitioning, isFeedback } of node.inputs) {
      if (isFeedback === true || partitioning.kind === 'broadcast' || seen.has(from)) continue
      seen.add(from)
      open.push(graph.nodes[from] as LogicalNode)
    }
  }
  return undefined
}

function isTimeless({ source }: SourceNode): boolean {
  return source.time === null && !(source.kind === 'topic' ? source.bounded : source.source.bounded)
}
