import type { Signal } from '../operator/signal/signal.ts'
import type { Serde } from '../serde/serde.ts'
import type { LogicalNode, Partitioning } from './logical-graph.ts'
import type { AppliedRule } from './optimize/applied.ts'

/*
 * The graph after chaining and the region cut: what workers run. Every worker builds the same one from the same program;
 * `hash` proves it. At parallelism 1 there is one region. Above, every edge on which records change their task becomes an exchange: a repartition topic
 * with one partition for each task of the region that reads it.
 */

/** A logical node with its final, stable uid. */
export interface JobNode {
  readonly uid: string
  readonly node: LogicalNode
  /** Input edges within the region, by input index; null where the input comes from an exchange. */
  readonly inputs: readonly (JobEdge | null)[]
  /** The signals that can come on each input; null when none can on any. */
  readonly signals: readonly (readonly Signal[])[] | null
  /** For a sink that copies the bytes of its records: where they come into the region, a source's uid or an exchange's id. */
  readonly copiesFrom: string | null
}

export interface JobEdge {
  readonly fromUid: string
  readonly tag: string | null
}

/** An edge between two regions, through a topic that the job owns. */
export interface Exchange {
  /** Stable: derived from the uid of the reading operator and its input index. */
  readonly id: string
  readonly topic: string
  readonly partitions: number
  readonly value: Serde<unknown>
  /** Where it is `forward`, records stay with the index of the task that wrote them. */
  readonly partitioning: Partitioning
  readonly fromRegion: string
  readonly fromUid: string
  readonly fromTag: string | null
  readonly toRegion: string
  readonly toUid: string
  readonly toInput: number
  /** It leads back to the head of a loop. */
  readonly isFeedback: boolean
  /** Where records whose bytes are copied come into the region that writes them: a source's uid or an exchange's id. */
  readonly copiesFrom: string | null
}

export interface Region {
  /** Stable: the uid of its first node; `all` at parallelism 1. */
  readonly id: string
  /** Number of tasks. */
  readonly parallelism: number
  /** In topological order. */
  readonly nodes: readonly JobNode[]
  readonly exchangesIn: readonly Exchange[]
  readonly exchangesOut: readonly Exchange[]
  /** Whether it has anything to keep in the state backend (stateful operators, split sources, exchanges, two-phase sinks). */
  readonly stateful: boolean
}

export interface JobGraph {
  readonly job: string
  /** Of the structure: uids, types, edges, states, formats, parallelism; not of the functions' code. */
  readonly hash: string
  readonly parallelism: number
  readonly maxParallelism: number
  readonly regions: readonly Region[]
  /** What the optimiser has done to it. */
  readonly applied: readonly AppliedRule[]
}
