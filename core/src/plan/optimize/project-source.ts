import { isProjectable } from '../../serde/serde.ts'
import type { LogicalEdge, LogicalGraph, LogicalNode, SourceNode, SplitSourceSpec } from '../logical-graph.ts'
import type { AppliedRule } from './applied.ts'
import { inputId } from './forward-bytes.ts'

/** The fields of a record that somebody looks at. */
type Fields = ReadonlySet<string> | 'all'

const NONE: Fields = new Set()

/**
 * Topics are decoded no further than the job looks into their records: fields that are known to be used are those named by
 * `project`, by `keyBy` and by the watermark strategy. A function may look at anything.
 */
export function projectSources(
  graph: LogicalGraph,
  uids: ReadonlyMap<number, string>,
  isCut: (node: LogicalNode, edge: LogicalEdge) => boolean,
  copies: ReadonlySet<string>,
): { readonly graph: LogicalGraph; readonly applied: readonly AppliedRule[] } {
  const applied: AppliedRule[] = []

  const usedBy = (reader: LogicalNode, edge: LogicalEdge, input: number): Fields => {
    const isCopied = copies.has(inputId(reader.id, input))
    if (reader.kind === 'sink') {
      if (!isCopied || reader.sink.kind !== 'topic') return 'all'
      const { key, partition, headers } = reader.sink
      return key === null && partition === null && headers === null ? NONE : 'all'
    }
    if (isCut(reader, edge)) {
      if (!isCopied) return 'all'
      const { partitioning } = edge
      if (partitioning.kind === 'custom') return 'all'
      if (partitioning.kind !== 'hash') return NONE
      return partitioning.field === undefined ? 'all' : new Set([partitioning.field])
    }
    if (reader.kind !== 'operator' || reader.semantics === undefined) return 'all'
    if (reader.semantics.kind === 'project') return new Set(reader.semantics.fields)
    if (reader.semantics.kind === 'identity') return usedBehind(reader.id)
    const { condition } = reader.semantics
    return condition === undefined ? 'all' : both(new Set([condition.field]), usedBehind(reader.id))
  }

  const usedBehind = (id: number): Fields => {
    let used: Fields = NONE
    for (const reader of graph.nodes) {
      reader.inputs.forEach((edge, input) => {
        if (edge.from === id && edge.tag === null) used = both(used, usedBy(reader, edge, input))
      })
    }
    return used
  }

  const projectSplits = (node: SourceNode, spec: SplitSourceSpec): SourceNode => {
    if (spec.source.project === undefined) return node
    const used = both(usedBehind(node.id), usedByTime(spec.time))
    if (used === 'all') return node
    const fields = [...used].sort()
    const text = fields.length === 0 ? 'no field is decoded' : `only ${fields.join(', ')} of the records is decoded`
    applied.push({ rule: 'project-source', uid: uids.get(node.id) as string, text })
    return { ...node, source: { ...spec, source: spec.source.project(fields) } }
  }

  const nodes = graph.nodes.map((node): LogicalNode => {
    if (node.kind !== 'source') return node
    const { source } = node
    if (source.kind === 'splits') return projectSplits(node, source)
    if (source.toRecord !== undefined || !isProjectable(source.value)) return node
    const used = both(usedBehind(node.id), usedByTime(source.time))
    if (used === 'all') return node
    const fields = [...used].sort()
    const text = fields.length === 0 ? 'no field is decoded' : `only ${fields.join(', ')} of the records is decoded`
    applied.push({ rule: 'project-source', uid: uids.get(node.id) as string, text })
    const projected: SourceNode = { ...node, source: { ...source, value: source.value.project(fields) } }
    return projected
  })
  return { graph: { job: graph.job, nodes }, applied }
}

function usedByTime(time: Extract<SourceNode['source'], { kind: 'topic' }>['time']): Fields {
  if (time === null || time.reads === 'nothing') return NONE
  return time.reads === 'anything' ? 'all' : new Set([time.reads.field])
}

function both(left: Fields, right: Fields): Fields {
  return left === 'all' || right === 'all' ? 'all' : new Set([...left, ...right])
}
