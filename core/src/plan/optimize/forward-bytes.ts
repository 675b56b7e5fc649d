import { msgpack } from '../../serde/msgpack.ts'
import { isProjectable, type Serde } from '../../serde/serde.ts'
import type { LogicalEdge, LogicalGraph, LogicalNode, Partitioning, SinkNode, SourceNode } from '../logical-graph.ts'
import { isExchanged } from '../logical-graph.ts'
import type { AppliedRule } from './applied.ts'

type TopicSource = Extract<SourceNode['source'], { kind: 'topic' }>

/** A record that comes from a topic unchanged. */
interface Unchanged {
  readonly source: TopicSource
  /** Fields that are left of it; null for all. */
  readonly fields: readonly string[] | null
}

export interface ForwardedBytes {
  readonly graph: LogicalGraph
  /** Sinks (by id) and exchanges (by id of the reader and input, `3.0`) that copy the bytes of the records they are given. */
  readonly copies: ReadonlySet<string>
  readonly applied: readonly AppliedRule[]
}

/** The name of an input among the copies. */
export function inputId(node: number, input: number): string {
  return `${node}.${input}`
}

/**
 * Where a record reaches an exchange or a sink as it was read from its topic, perhaps filtered, its bytes are copied instead of being
 * encoded anew; behind an exchange they are decoded as they would have been at the source. Exchanges for which a format was given
 * keep it.
 *
 * `isCut` must be that of more than one task, whatever the parallelism: what is on its way in a savepoint must be in one format.
 */
export function forwardBytes(
  graph: LogicalGraph,
  uids: ReadonlyMap<number, string>,
  isCut: (node: LogicalNode, edge: LogicalEdge) => boolean,
): ForwardedBytes {
  const nodes = [...graph.nodes]
  const copies = new Set<string>()
  const applied: AppliedRule[] = []

  const unchanged = (edge: LogicalEdge): Unchanged | null => {
    let fields: readonly string[] | null = null
    for (let at = edge; ; ) {
      if (at.tag !== null) return null
      const node = nodes[at.from] as LogicalNode
      if (node.kind === 'source') {
        const { source } = node
        return source.kind === 'topic' && source.toRecord === undefined ? { source, fields } : null
      }
      if (node.kind !== 'operator' || node.semantics === undefined || node.inputs.length !== 1) return null
      if (node.semantics.kind === 'project') fields ??= node.semantics.fields
      const input = node.inputs[0] as LogicalEdge
      if (isCut(node, input) && !copies.has(inputId(node.id, 0))) return null
      at = input
    }
  }

  for (const node of graph.nodes) {
    const uid = uids.get(node.id) as string
    if (node.kind === 'sink') {
      const found = unchanged(node.inputs[0] as LogicalEdge)
      if (found === null || found.fields !== null || !writes(node, found.source.value)) continue
      copies.add(inputId(node.id, 0))
      applied.push({ rule: 'forward-bytes', uid, text: `the bytes of topic ${found.source.topic} are copied` })
      continue
    }
    node.inputs.forEach((edge, input) => {
      if (!isExchanged(edge.partitioning)) return
      const found = unchanged(edge)
      const value = found === null ? null : decodedBehind(found)
      if (found === null || value === null || !mayTravelAs(edge.partitioning, found.source.value)) return
      copies.add(inputId(node.id, input))
      const current = nodes[node.id] as LogicalNode
      const partitioning = { ...edge.partitioning, value } as Partitioning
      const inputs = current.inputs.map((own, at) => (at === input ? { ...own, partitioning } : own))
      nodes[node.id] = { ...current, inputs } as LogicalNode
      const text = `the bytes of topic ${found.source.topic} travel to input ${input}, and are decoded behind the exchange`
      applied.push({ rule: 'forward-bytes', uid, text })
    })
  }
  return { graph: { job: graph.job, nodes }, copies, applied }
}

/** Two formats of one name may differ in the fields that they keep, so it must be the very same. */
function writes({ sink }: SinkNode, value: Serde<unknown>): boolean {
  return sink.kind === 'topic' && sink.value === value
}

function decodedBehind({ source, fields }: Unchanged): Serde<unknown> | null {
  if (fields === null) return source.value
  return isProjectable(source.value) ? source.value.project(fields) : null
}

function mayTravelAs(partitioning: Partitioning, value: Serde<unknown>): boolean {
  if (!('value' in partitioning)) return false
  return partitioning.value === value || partitioning.value === msgpack<unknown>()
}
