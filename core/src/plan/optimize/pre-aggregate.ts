import type { LogicalEdge, LogicalGraph, LogicalNode, OperatorNode } from '../logical-graph.ts'
import type { AppliedRule } from './applied.ts'

export interface Rewritten {
  readonly graph: LogicalGraph
  readonly uids: ReadonlyMap<number, string>
  readonly applied: readonly AppliedRule[]
}

/**
 * Puts an operator that gathers in front of every exchange by key to an aggregation that can take what was gathered: hot keys
 * are spread over the tasks that read them, and far less crosses the exchange.
 *
 * What is on its way is in one format whatever the parallelism, so that savepoints of any parallelism fit; with one task nothing
 * travels, and nothing is gathered.
 */
export function preAggregate(graph: LogicalGraph, uids: ReadonlyMap<number, string>, parallelism: number): Rewritten {
  const nodes: LogicalNode[] = []
  const newUids = new Map<number, string>()
  const newIds = new Map<number, number>()
  const applied: AppliedRule[] = []
  const taken = new Set(uids.values())
  const add = (node: LogicalNode, uid: string): number => {
    const id = nodes.length
    nodes.push({ ...node, id })
    newUids.set(id, uid)
    return id
  }
  // What leads back to the head of a loop comes later than the head.
  const moved = (edge: LogicalEdge): LogicalEdge =>
    edge.isFeedback ? edge : { ...edge, from: newIds.get(edge.from) as number }
  for (const node of graph.nodes) {
    const uid = uids.get(node.id) as string
    const inputs = node.inputs.map(moved)
    const combined = combinedInput(node)
    if (combined === null) {
      newIds.set(node.id, add({ ...node, inputs }, uid))
      continue
    }
    const { combiner } = combined
    const edge = inputs[0] as LogicalEdge
    let from = edge
    if (parallelism > 1) {
      const { callSite } = node
      const gather: OperatorNode = {
        kind: 'operator',
        id: 0,
        uid: null,
        name: 'gather',
        type: 'gather',
        callSite,
        inputs: [{ ...edge, partitioning: { kind: 'forward' } }],
        create: combiner.gather,
        stateful: false,
        keyed: false,
      }
      const gatherUid = unused(`${uid}-gather`, taken)
      from = { from: add(gather, gatherUid), tag: null, partitioning: edge.partitioning }
      applied.push({ rule: 'pre-aggregate', uid, text: 'records are gathered by key before they travel' })
    }
    const partitioning = { kind: 'hash', key: combiner.key, value: combiner.value } as const
    newIds.set(node.id, add({ ...node, inputs: [{ ...from, partitioning }] }, uid))
  }
  const closed = nodes.map((node): LogicalNode => {
    if (!node.inputs.some(({ isFeedback }) => isFeedback)) return node
    const inputs = node.inputs.map((edge) =>
      edge.isFeedback ? { ...edge, from: newIds.get(edge.from) as number } : edge,
    )
    return { ...node, inputs } as LogicalNode
  })
  return { graph: { job: graph.job, nodes: closed }, uids: newUids, applied }
}

/** Only an exchange by key can be combined: where records stay at their task there is nothing to save. */
function combinedInput(node: LogicalNode): { readonly combiner: NonNullable<OperatorNode['combiner']> } | null {
  if (node.kind !== 'operator' || node.combiner === undefined || node.inputs.length !== 1) return null
  return node.inputs[0]?.partitioning.kind === 'hash' ? { combiner: node.combiner } : null
}

function unused(wanted: string, taken: Set<string>): string {
  let uid = wanted
  for (let ordinal = 2; taken.has(uid); ordinal++) uid = `${wanted}-${ordinal}`
  taken.add(uid)
  return uid
}
