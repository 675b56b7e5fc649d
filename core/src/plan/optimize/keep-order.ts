import { PassOperator } from '../../operator/pass.ts'
import { isExchanged, type LogicalGraph, type LogicalNode } from '../logical-graph.ts'
import type { Changed } from './rewrite.ts'

/**
 * Lets records pass that a sort would find in order: they were sorted by the same keys, or by more of them, and have gone through
 * nothing but filters since.
 */
export function keepOrder(graph: LogicalGraph, uids: ReadonlyMap<number, string>): Changed {
  const applied: Changed['applied'][number][] = []
  const orders: (readonly unknown[] | null)[] = []
  const nodes = graph.nodes.map((node): LogicalNode => {
    const before = orderBefore(node, orders)
    const sorts = node.kind === 'operator' ? node.traits?.sorts : undefined
    const isInOrder = sorts !== undefined && before !== null && sorts.every((part, at) => part === before[at])
    orders.push(isInOrder || sorts === undefined ? orderAfter(node, before) : sorts)
    if (!isInOrder || node.kind !== 'operator') return node
    applied.push({
      rule: 'keep-order',
      uid: uids.get(node.id) as string,
      text: 'the records are in this order already',
    })
    const { bounded: _, ...rest } = node
    return { ...rest, create: () => new PassOperator() }
  })
  return { graph: { job: graph.job, nodes }, applied }
}

/** The order in which records come to a node with one input. */
function orderBefore(node: LogicalNode, orders: readonly (readonly unknown[] | null)[]): readonly unknown[] | null {
  const edge = node.inputs.length === 1 ? node.inputs[0] : undefined
  if (edge === undefined || edge.tag !== null || isExchanged(edge.partitioning)) return null
  return orders[edge.from] ?? null
}

/** Whether a node leaves the order of records alone, and the keys of it too. */
function orderAfter(node: LogicalNode, before: readonly unknown[] | null): readonly unknown[] | null {
  if (node.kind !== 'operator') return null
  const keeps =
    node.semantics?.kind === 'filter' || node.semantics?.kind === 'identity' || node.traits?.sorts !== undefined
  return keeps ? before : null
}
