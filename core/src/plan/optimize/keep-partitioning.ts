import { isExchanged, type LogicalEdge, type LogicalGraph, type LogicalNode } from '../logical-graph.ts'
import { type Changed, withPartitioning } from './rewrite.ts'

/** What records are partitioned by: a key function, a field, or both where one is known as the other. */
interface Partitioned {
  readonly key: ((value: unknown) => unknown) | null
  readonly field: string | null
}

/**
 * Takes out exchanges by key in front of bounded operators where the records lie at the tasks of their keys already: since an earlier
 * exchange by the same field or function, nothing has changed that.
 */
export function keepPartitioning(graph: LogicalGraph, uids: ReadonlyMap<number, string>, parallelism: number): Changed {
  const applied: Changed['applied'][number][] = []
  if (parallelism === 1) return { graph, applied }
  const partitioned: (Partitioned | null)[] = []
  const nodes = graph.nodes.map((node): LogicalNode => {
    let changed = node
    node.inputs.forEach((edge, input) => {
      const by = node.kind === 'operator' && node.bounded === true ? sameAsBefore(edge, partitioned) : null
      if (by === null) return
      changed = withPartitioning(changed, input, { kind: 'forward' })
      const text = `input ${input} is partitioned by ${by} already: no exchange`
      applied.push({ rule: 'keep-partitioning', uid: uids.get(node.id) as string, text })
    })
    partitioned.push(partitioningOf(node, partitioned))
    return changed
  })
  return { graph: { job: graph.job, nodes }, applied }
}

/** By what an exchange partitions records that are so already; null when they are not. */
function sameAsBefore({ from, tag, partitioning }: LogicalEdge, known: readonly (Partitioned | null)[]): string | null {
  const before = tag === null ? (known[from] ?? null) : null
  if (partitioning.kind !== 'hash' || before === null) return null
  if (partitioning.field !== undefined && partitioning.field === before.field) return partitioning.field
  return partitioning.key === before.key ? 'this function' : null
}

/** What the output of a node is partitioned by. */
function partitioningOf(node: LogicalNode, known: readonly (Partitioned | null)[]): Partitioned | null {
  const edge = node.inputs.length === 1 ? node.inputs[0] : undefined
  if (node.kind !== 'operator' || edge === undefined || edge.tag !== null) return null
  const input = partitioningOfEdge(edge, known)
  if (input === null) return null
  const { semantics, traits } = node
  const forwards = semantics === undefined ? traits?.forwards : semantics.kind === 'project' ? semantics.fields : 'all'
  if (forwards === undefined || forwards === 'all') return forwards === undefined ? null : input
  // A function of the whole record may see another one now.
  return input.field !== null && forwards.includes(input.field) ? { key: null, field: input.field } : null
}

function partitioningOfEdge(
  { from, partitioning }: LogicalEdge,
  known: readonly (Partitioned | null)[],
): Partitioned | null {
  if (partitioning.kind === 'hash') return { key: partitioning.key, field: partitioning.field ?? null }
  return isExchanged(partitioning) ? null : (known[from] ?? null)
}
