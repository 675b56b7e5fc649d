import { chainsOf } from './chaining.ts'
import type { Exchange, JobGraph, JobNode, Region } from './job-graph.ts'
import type { LogicalNode, Partitioning } from './logical-graph.ts'
import type { AppliedRule } from './optimize/applied.ts'

/** How a job would run, as plain data. Counts that depend on something unknown are null. */
export interface ExplainedJob {
  readonly job: string
  /** Of the graph's structure; null while the parallelism is unknown. */
  readonly hash: string | null
  readonly parallelism: number | null
  readonly maxParallelism: number
  readonly guarantee: 'exactly-once' | 'at-least-once'
  /** A region comes after those that feed it. */
  readonly regions: readonly ExplainedRegion[]
  /** What the optimiser has done to the plan, rule by rule. */
  readonly optimizations: readonly AppliedRule[]
}

export interface ExplainedRegion {
  readonly id: string
  readonly tasks: number | null
  readonly stateful: boolean
  /** An operator comes after those that feed it. */
  readonly operators: readonly ExplainedOperator[]
  /** Uids of operators that hand records straight on, each run of them a list. */
  readonly chains: readonly (readonly string[])[]
  readonly exchangesIn: readonly ExplainedExchange[]
}

export interface ExplainedOperator {
  readonly uid: string
  /** Whether the user gave the uid; one that was derived changes when the stream before it does. */
  readonly uidGiven: boolean
  readonly name: string
  readonly type: string
  readonly callSite: string
  readonly stateful: boolean
  readonly inputs: readonly ExplainedInput[]
  /** The topic that a source reads or a sink writes. */
  readonly topic: string | null
  /** Partitions of the topic that a source reads. */
  readonly partitions: number | null
  /** What a sink promises. */
  readonly guarantee: string | null
}

/** Where an input of an operator comes from, in this region or through an exchange. */
export interface ExplainedInput {
  readonly from: string
  readonly tag: string | null
  /** Topic of the exchange; null within the region. */
  readonly exchange: string | null
  /** Set where a loop leads back to its head. */
  readonly isFeedback?: true
}

export type Routing = 'by key' | 'by task' | 'in turn' | 'at random' | 'to every task' | 'to one task' | 'by function'

const routings: Readonly<Record<Partitioning['kind'], Routing>> = {
  hash: 'by key',
  forward: 'by task',
  prepartitioned: 'by task',
  colocated: 'by task',
  rebalance: 'in turn',
  shuffle: 'at random',
  broadcast: 'to every task',
  global: 'to one task',
  custom: 'by function',
}

export interface ExplainedExchange {
  readonly topic: string
  readonly partitions: number | null
  readonly format: string
  readonly routing: Routing
  readonly fromRegion: string
  readonly from: string
  readonly tag: string | null
  readonly to: string
}

export interface DescribeOptions {
  /** Of the job's topic sinks. */
  readonly guarantee: 'exactly-once' | 'at-least-once'
  readonly topicPartitions: ReadonlyMap<string, number>
  /** False when the graph was compiled with a stand-in for a parallelism that is not known yet. */
  readonly parallelismKnown: boolean
}

export function describeJob(graph: JobGraph, options: DescribeOptions): ExplainedJob {
  const { job, hash, parallelism, maxParallelism } = graph
  const { guarantee, parallelismKnown } = options
  return {
    job,
    hash: parallelismKnown ? hash : null,
    parallelism: parallelismKnown ? parallelism : null,
    maxParallelism,
    guarantee,
    regions: graph.regions.map((region) => describeRegion(region, options)),
    optimizations: graph.applied,
  }
}

function describeRegion(region: Region, options: DescribeOptions): ExplainedRegion {
  const { id, parallelism, stateful, nodes, exchangesIn, exchangesOut } = region
  return {
    id,
    tasks: options.parallelismKnown ? parallelism : null,
    stateful,
    operators: nodes.map((node) => describeOperator(node, exchangesIn, options)),
    chains: chainsOf(nodes, exchangesOut).map((chain) => chain.map(({ uid }) => uid)),
    exchangesIn: exchangesIn.map(({ topic, partitions, value, partitioning, fromRegion, fromUid, fromTag, toUid }) => ({
      topic,
      partitions: options.parallelismKnown ? partitions : null,
      format: value.format,
      routing: routings[partitioning.kind],
      fromRegion,
      from: fromUid,
      tag: fromTag,
      to: toUid,
    })),
  }
}

function describeOperator(
  { uid, node, inputs }: JobNode,
  exchangesIn: readonly Exchange[],
  { guarantee, topicPartitions }: DescribeOptions,
): ExplainedOperator {
  const topic = topicOf(node)
  return {
    uid,
    uidGiven: node.uid !== null,
    name: node.name,
    type: node.type,
    callSite: node.callSite,
    stateful: node.kind === 'operator' && node.stateful,
    inputs: inputs.flatMap((edge, input): ExplainedInput[] => {
      const feedback = node.inputs[input]?.isFeedback ? ({ isFeedback: true } as const) : {}
      if (edge !== null) return [{ from: edge.fromUid, tag: edge.tag, exchange: null, ...feedback }]
      return exchangesIn
        .filter(({ toUid, toInput }) => toUid === uid && toInput === input)
        .map((exchange) => ({ from: exchange.fromUid, tag: exchange.fromTag, exchange: exchange.topic, ...feedback }))
    }),
    topic,
    partitions: node.kind === 'source' && topic !== null ? (topicPartitions.get(topic) ?? null) : null,
    guarantee: guaranteeOf(node, guarantee),
  }
}

function topicOf(node: LogicalNode): string | null {
  if (node.kind === 'source') return node.source.kind === 'topic' ? node.source.topic : null
  return node.kind === 'sink' && node.sink.kind === 'topic' ? node.sink.topic : null
}

function guaranteeOf(node: LogicalNode, guarantee: DescribeOptions['guarantee']): string | null {
  if (node.kind !== 'sink') return null
  if (node.sink.kind === 'custom') return node.sink.sink.guarantee
  return guarantee === 'exactly-once' ? 'transactional' : 'at-least-once'
}
