import type { Exchange, JobNode } from './job-graph.ts'

/**
 * The chains of a region: runs of operators that hand records straight to the next one, as far as nothing branches off or
 * comes in. Every node is in one chain; chains and the nodes in them keep the order of the graph.
 */
export function chainsOf(nodes: readonly JobNode[], exchangesOut: readonly Exchange[]): JobNode[][] {
  const readers = new Map<string, number>()
  const count = (uid: string): void => void readers.set(uid, (readers.get(uid) ?? 0) + 1)
  for (const { inputs } of nodes) for (const edge of inputs) if (edge !== null) count(edge.fromUid)
  for (const { fromUid } of exchangesOut) count(fromUid)

  const chains: JobNode[][] = []
  const chainOf = new Map<string, JobNode[]>()
  for (const node of nodes) {
    const only = node.inputs.length === 1 ? node.inputs[0] : null
    const follows = only != null && only.tag === null && readers.get(only.fromUid) === 1
    const chain = (follows ? chainOf.get(only.fromUid) : undefined) ?? []
    if (chain.length === 0) chains.push(chain)
    chain.push(node)
    chainOf.set(node.uid, chain)
  }
  return chains
}
