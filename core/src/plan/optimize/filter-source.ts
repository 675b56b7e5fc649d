import type { Condition } from '../../connector/source.ts'
import type { LogicalGraph, LogicalNode } from '../logical-graph.ts'
import { type Changed, readersOf } from './rewrite.ts'

/**
 * Tells sources that can make use of it which records are filtered out behind them anyway, where a filter is a comparison and no
 * function. The filter stays: a source may leave out what it can tell, such as parts of a file whose statistics say enough.
 */
export function filterSources(graph: LogicalGraph, uids: ReadonlyMap<number, string>): Changed {
  const applied: Changed['applied'][number][] = []
  const readers = readersOf(graph)
  const nodes = graph.nodes.map((node): LogicalNode => {
    if (node.kind !== 'source' || node.source.kind !== 'splits' || node.source.source.where === undefined) return node
    const conditions = conditionsBehind(node, readers)
    if (conditions.length === 0) return node
    const text = conditions.map(({ field, operator, value }) => `${field} ${operator} ${String(value)}`).join(' and ')
    applied.push({ rule: 'filter-source', uid: uids.get(node.id) as string, text: `only where ${text}` })
    return { ...node, source: { ...node.source, source: node.source.source.where(conditions) } }
  })
  return { graph: { job: graph.job, nodes }, applied }
}

/** Those of the filters that all records of a node pass, as long as one follows the other. */
function conditionsBehind(node: LogicalNode, readers: ReadonlyMap<number, readonly LogicalNode[]>): Condition[] {
  const conditions: Condition[] = []
  for (let at = node; ; ) {
    const [only, ...others] = readers.get(at.id) ?? []
    if (only === undefined || others.length > 0 || only.kind !== 'operator' || only.semantics === undefined) break
    if (only.inputs.length !== 1) break
    const { semantics } = only
    if (semantics.kind === 'filter' && semantics.condition !== undefined) conditions.push(semantics.condition)
    at = only
  }
  return conditions
}
