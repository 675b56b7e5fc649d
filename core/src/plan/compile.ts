import { OptionError } from '../errors.ts'
import { msgpack } from '../serde/msgpack.ts'
import type { Serde } from '../serde/serde.ts'
import { checkCoPartitioning } from './co-partitioning.ts'
import { graphHash } from './graph-hash.ts'
import type { Exchange, JobGraph, JobNode, Region } from './job-graph.ts'
import type { LogicalEdge, LogicalGraph, LogicalNode, Partitioning } from './logical-graph.ts'
import type { RuleName } from './optimize/applied.ts'
import { inputId } from './optimize/forward-bytes.ts'
import { optimize } from './optimize/optimize.ts'
import { emittedBy, signalsInto } from './signals.ts'
import { assignUids } from './uid.ts'
import { validate } from './validate.ts'

/** Id of the one region of a job with one task: its state is found again whatever branch the job begins with. */
const THE_REGION = 'all'

export interface CompileOptions {
  readonly parallelism: number
  readonly maxParallelism: number
  /** Partitions of the topics that are read; a topic that is not in it is not checked. */
  readonly topicPartitions: ReadonlyMap<string, number>
  /** Rules of the optimiser that are left out. */
  readonly withoutRules?: readonly RuleName[]
}

/**
 * Turns what the user wrote into what workers run. Pure: the same program gives the same graph in every worker.
 *
 * @throws GRAPH_INVALID, PARTITIONS_MISMATCH, and OPTION_INVALID for a parallelism that is not from 1 to maxParallelism
 */
export function compile(graph: LogicalGraph, options: CompileOptions): JobGraph {
  validate(graph)
  const { parallelism, maxParallelism, topicPartitions, withoutRules } = options
  checkParallelism(graph.job, parallelism, maxParallelism)
  const optimized = optimize(graph, assignUids(graph), parallelism, withoutRules)
  const { graph: optimised, uids, cut, copies, applied } = optimized
  const uidOf = (id: number): string => uids.get(id) as string
  const { isCut, regionOf, order } = cut
  const copiesFrom = (node: LogicalNode, input: number): string | null =>
    copies.has(inputId(node.id, input)) ? entryOf(optimised, node.inputs[input] as LogicalEdge, isCut, uidOf) : null
  const regionIdOf = (id: number): string => (parallelism === 1 ? THE_REGION : uidOf(regionOf[id] as number))

  const signals = signalsInto(optimised)
  const exchanges: Exchange[] = []
  for (const node of optimised.nodes) {
    node.inputs.forEach((edge, input) => {
      if (!isCut(node, edge)) return
      const copied = copiesFrom(node, input)
      exchanges.push({ ...exchange(graph.job, node, edge, input, parallelism, uidOf, regionIdOf), copiesFrom: copied })
    })
  }
  const regions = order.map((root): Region => {
    const id = regionIdOf(root)
    const nodes = optimised.nodes
      .filter((node) => regionOf[node.id] === root)
      .map(
        (node): JobNode => ({
          uid: uidOf(node.id),
          node,
          inputs: node.inputs.map((edge) => (isCut(node, edge) ? null : { fromUid: uidOf(edge.from), tag: edge.tag })),
          signals: signals.get(node.id) ?? null,
          copiesFrom: node.kind === 'sink' ? copiesFrom(node, 0) : null,
        }),
      )
    const exchangesIn = exchanges.filter(({ toRegion }) => toRegion === id)
    const exchangesOut = exchanges.filter(({ fromRegion }) => fromRegion === id)
    return {
      id,
      parallelism,
      nodes,
      exchangesIn,
      exchangesOut,
      // Positions in front of keyed state are kept with it: a log may forget the offsets of a group that is away for long.
      stateful: exchangesIn.length > 0 || exchangesOut.length > 0 || nodes.some(keepsState),
    }
  })
  checkCoPartitioning(optimised, regions, topicPartitions)
  const compiled = { job: graph.job, parallelism, maxParallelism, regions, applied }
  return { ...compiled, hash: graphHash(compiled) }
}

function checkParallelism(job: string, parallelism: number, maxParallelism: number): void {
  if (!Number.isSafeInteger(maxParallelism) || maxParallelism < 1) {
    throw new OptionError(`maxParallelism is ${maxParallelism}; it must be a whole number of at least 1.`, {
      where: { job },
    })
  }
  if (Number.isSafeInteger(parallelism) && parallelism >= 1 && parallelism <= maxParallelism) return
  throw new OptionError(
    `parallelism is ${parallelism}; it must be a whole number from 1 to maxParallelism (${maxParallelism}).`,
    { where: { job } },
  )
}

/** Where the records of an edge come into their region: through an exchange, or from a source. */
function entryOf(
  graph: LogicalGraph,
  edge: LogicalEdge,
  isCut: (node: LogicalNode, edge: LogicalEdge) => boolean,
  uidOf: (id: number) => string,
): string {
  const node = graph.nodes[edge.from] as LogicalNode
  const input = node.inputs[0]
  if (input === undefined) return uidOf(node.id)
  return isCut(node, input) ? exchangeId(uidOf(node.id), 0) : entryOf(graph, input, isCut, uidOf)
}

function exchangeId(uid: string, input: number): string {
  return `${uid}.${input}`
}

function exchange(
  job: string,
  node: LogicalNode,
  edge: LogicalEdge,
  input: number,
  partitions: number,
  uidOf: (id: number) => string,
  regionIdOf: (id: number) => string,
): Omit<Exchange, 'copiesFrom'> {
  const { partitioning } = edge
  const toUid = uidOf(node.id)
  const id = exchangeId(toUid, input)
  return {
    id,
    topic: `${job}.${id}.repartition`,
    partitions,
    value: exchangeSerde(partitioning),
    partitioning,
    fromRegion: regionIdOf(edge.from),
    fromUid: uidOf(edge.from),
    fromTag: edge.tag,
    toRegion: regionIdOf(node.id),
    toUid,
    toInput: input,
    isFeedback: edge.isFeedback === true,
  }
}

/** How records of an edge travel. */
export function exchangeSerde(partitioning: Partitioning): Serde<unknown> {
  return ('value' in partitioning ? partitioning.value : undefined) ?? msgpack<unknown>()
}

function keepsState({ node, signals }: JobNode): boolean {
  if (signals !== null || emittedBy(node).length > 0) return true
  if (node.kind === 'operator') return node.stateful
  if (node.kind === 'source') return node.source.kind === 'splits'
  return node.sink.kind === 'custom' && node.sink.sink.guarantee === 'two-phase'
}
