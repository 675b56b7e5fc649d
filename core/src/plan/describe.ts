import type { JobGraph, Region } from './job-graph.ts'
import type { LogicalNode } from './logical-graph.ts'

/** How a job would run, as plain data. */
export interface ExplainedJob {
  readonly job: string
  readonly hash: string
  readonly parallelism: number
  readonly maxParallelism: number
  readonly regions: readonly ExplainedRegion[]
}

export interface ExplainedRegion {
  readonly id: string
  readonly tasks: number
  readonly stateful: boolean
  readonly operators: readonly ExplainedOperator[]
  readonly exchangesIn: readonly ExplainedExchange[]
}

export interface ExplainedOperator {
  readonly uid: string
  readonly name: string
  readonly type: string
  readonly callSite: string
  /** Uids of the operators whose output it takes, in this region or through an exchange. */
  readonly inputs: readonly { readonly from: string; readonly tag: string | null; readonly exchange: string | null }[]
  /** What is read or written outside the job, for sources and sinks. */
  readonly outside: string | null
  /** What a sink promises. */
  readonly guarantee: string | null
}

export interface ExplainedExchange {
  readonly topic: string
  readonly partitions: number
  readonly format: string
  readonly fromRegion: string
  readonly from: string
  readonly to: string
}

/** Describes a compiled job. `guarantee` is that of its topic sinks. */
export function describeJob(graph: JobGraph, guarantee: 'exactly-once' | 'at-least-once'): ExplainedJob {
  const { job, hash, parallelism, maxParallelism } = graph
  return { job, hash, parallelism, maxParallelism, regions: graph.regions.map((region) => describeRegion(region, guarantee)) }
}

function describeRegion({ id, parallelism, stateful, nodes, exchangesIn }: Region, guarantee: string): ExplainedRegion {
  return {
    id,
    tasks: parallelism,
    stateful,
    operators: nodes.map(({ uid, node, inputs }) => ({
      uid,
      name: node.name,
      type: node.type,
      callSite: node.callSite,
      inputs: inputs.map((edge, input) => {
        if (edge !== null) return { from: edge.fromUid, tag: edge.tag, exchange: null }
        const exchange = exchangesIn.find(({ toUid, toInput }) => toUid === uid && toInput === input)
        return { from: exchange?.fromUid ?? '', tag: exchange?.fromTag ?? null, exchange: exchange?.topic ?? null }
      }),
      outside: outside(node),
      guarantee: sinkGuarantee(node, guarantee),
    })),
    exchangesIn: exchangesIn.map(({ topic, partitions, value, fromRegion, fromUid, toUid }) => ({
      topic,
      partitions,
      format: value.format,
      fromRegion,
      from: fromUid,
      to: toUid,
    })),
  }
}

function outside(node: LogicalNode): string | null {
  if (node.kind === 'source') return node.source.kind === 'topic' ? `topic ${node.source.topic}` : node.source.source.name
  if (node.kind === 'sink') return node.sink.kind === 'topic' ? `topic ${node.sink.topic}` : node.sink.sink.name
  return null
}

function sinkGuarantee(node: LogicalNode, guarantee: string): string | null {
  if (node.kind !== 'sink') return null
  if (node.sink.kind === 'custom') return node.sink.sink.guarantee
  return guarantee === 'exactly-once' ? 'transactional' : 'at-least-once'
}
