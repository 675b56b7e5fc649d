import type { LogicalGraph, LogicalNode } from '../logical-graph.ts'

/** Of a source that knows its bytes only. */
const BYTES_PER_RECORD = 64

/** At most how many records come out of each node; null where nothing is known. */
export function estimateRecords(graph: LogicalGraph): (id: number) => number | null {
  const estimates: (number | null)[] = []
  for (const node of graph.nodes) estimates.push(estimateOf(node, estimates))
  return (id) => estimates[id] ?? null
}

function estimateOf(node: LogicalNode, estimates: readonly (number | null)[]): number | null {
  if (node.kind === 'source') {
    const estimate = node.source.kind === 'splits' ? node.source.source.estimate?.() : undefined
    if (estimate === undefined) return null
    return estimate.records ?? (estimate.bytes === null ? null : Math.ceil(estimate.bytes / BYTES_PER_RECORD))
  }
  if (node.kind !== 'operator') return null
  if (node.semantics === undefined && node.traits?.isReducing !== true && node.type !== 'union') return null
  let sum = 0
  for (const { from, tag } of node.inputs) {
    const records = tag === null ? (estimates[from] ?? null) : null
    if (records === null) return null
    sum += records
  }
  return sum
}
