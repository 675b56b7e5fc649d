import { PartitionsMismatchError } from '../errors.ts'
import { msgpack } from '../serde/msgpack.ts'
import { graphHash } from './graph-hash.ts'
import type { Exchange, JobGraph, JobNode, Region } from './job-graph.ts'
import type { LogicalEdge, LogicalGraph, LogicalNode } from './logical-graph.ts'
import { cutRegions } from './regions.ts'
import { assignUids } from './uid.ts'
import { validate } from './validate.ts'

export interface CompileOptions {
  readonly parallelism: number
  readonly maxParallelism: number
  /** Partitions of the topics that are read; a topic that is not in it is not checked. */
  readonly topicPartitions: ReadonlyMap<string, number>
}

/**
 * Turns what the user wrote into what workers run. Pure: the same program gives the same graph in every worker.
 *
 * @throws GRAPH_INVALID, PARTITIONS_MISMATCH
 */
export function compile(graph: LogicalGraph, options: CompileOptions): JobGraph {
  validate(graph)
  const { parallelism, maxParallelism } = options
  const uids = assignUids(graph)
  const uidOf = (id: number): string => uids.get(id) as string
  const { isCut, regionOf } = cutRegions(graph, parallelism)
  const regionIdOf = (id: number): string => uidOf(regionOf[id] as number)

  const exchanges: Exchange[] = []
  for (const node of graph.nodes) {
    node.inputs.forEach((edge, input) => {
      if (isCut(node, edge)) exchanges.push(exchange(graph, node, edge, input, parallelism, uidOf, regionIdOf))
    })
  }
  const regions = [...new Set(regionOf)].map((root): Region => {
    const id = uidOf(root)
    const nodes = graph.nodes
      .filter((node) => regionOf[node.id] === root)
      .map((node): JobNode => ({
        uid: uidOf(node.id),
        node,
        inputs: node.inputs.map((edge) => (isCut(node, edge) ? null : { fromUid: uidOf(edge.from), tag: edge.tag })),
      }))
    const exchangesIn = exchanges.filter(({ toRegion }) => toRegion === id)
    const exchangesOut = exchanges.filter(({ fromRegion }) => fromRegion === id)
    return { id, parallelism, nodes, exchangesIn, exchangesOut, stateful: exchangesIn.length > 0 || nodes.some(keepsState) }
  })
  checkCoPartitioning(graph, regions, options)
  const compiled = { job: graph.job, parallelism, maxParallelism, regions }
  return { ...compiled, hash: graphHash(compiled) }
}

function exchange(
  graph: LogicalGraph,
  node: LogicalNode,
  edge: LogicalEdge,
  input: number,
  partitions: number,
  uidOf: (id: number) => string,
  regionIdOf: (id: number) => string,
): Exchange {
  const { partitioning } = edge
  const toUid = uidOf(node.id)
  return {
    id: `${toUid}.${input}`,
    topic: `${graph.job}.${toUid}.${input}.repartition`,
    partitions,
    value: partitioning.kind === 'hash' ? partitioning.value : msgpack<unknown>(),
    // A forward edge stays with its task: no key decides where records go.
    key: partitioning.kind === 'hash' ? partitioning.key : null,
    fromRegion: regionIdOf(edge.from),
    fromUid: uidOf(edge.from),
    fromTag: edge.tag,
    toRegion: regionIdOf(node.id),
    toUid,
    toInput: input,
  }
}

function keepsState({ node }: JobNode): boolean {
  if (node.kind === 'operator') return node.stateful
  if (node.kind === 'source') return node.source.kind === 'splits'
  return node.sink.kind === 'custom' && node.sink.sink.guarantee === 'two-phase'
}

/** Inputs that are keyed by their topic's own partitions meet only when these topics have the same number of them. */
function checkCoPartitioning(graph: LogicalGraph, regions: readonly Region[], { topicPartitions, parallelism }: CompileOptions): void {
  if (parallelism === 1) return
  for (const { nodes } of regions) {
    const topics = new Map<string, number>()
    for (const { node } of nodes) {
      for (const { from, partitioning } of node.inputs) {
        const source = graph.nodes[from]
        if (partitioning.kind !== 'prepartitioned' || source?.kind !== 'source' || source.source.kind !== 'topic') continue
        const partitions = topicPartitions.get(source.source.topic)
        if (partitions !== undefined) topics.set(source.source.topic, partitions)
      }
    }
    if (new Set(topics.values()).size <= 1) continue
    const counts = [...topics].map(([topic, count]) => `${topic} has ${count}`).join(', ')
    throw new PartitionsMismatchError(
      `Streams that are joined by the keys of their topics need topics with the same number of partitions: ${counts}. ` +
        'Leave out prepartitioned for one of them, so that it is partitioned anew.',
      { where: { job: graph.job } },
    )
  }
}
