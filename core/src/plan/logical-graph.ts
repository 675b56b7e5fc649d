import type { Sink } from '../connector/sink.ts'
import type { Condition, Source } from '../connector/source.ts'
import type { Operator } from '../operator/operator.ts'
import type { SignalUse } from '../operator/signal/function-signals.ts'
import type { StartGate } from '../operator/start-gate.ts'
import type { Serde } from '../serde/serde.ts'
import type { WatermarkStrategy } from '../time/watermark-strategy.ts'

/*
 * What the user wrote: immutable nodes and edges. Everything here is data, apart from the functions that the user gave.
 * Values are `unknown` at this level; the API layer above holds the types.
 */

/** What to do with a record that does not decode. */
export type DecodeFailurePolicy = 'fail' | 'skip' | { readonly deadLetterTopic: string }

/** Where to read a topic from when the group has no committed offset: the start, the end, or a time in ms. */
export type StartPosition = 'earliest' | 'latest' | number

/** When a source is said to be behind: always until it ends, or beyond one of these bounds (records, milliseconds of event time). */
export type BacklogSpec = 'all' | { readonly maxLag: number | null; readonly maxDelayMs: number | null }

export interface TopicSourceSpec {
  readonly kind: 'topic'
  readonly topic: string
  readonly value: Serde<unknown>
  /** When given, the source emits what this makes of the record instead of the bare value. */
  readonly toRecord?: (
    value: unknown,
    key: Buffer | null,
    timestamp: number,
    headers: () => readonly { key: string; value: Uint8Array }[],
  ) => unknown
  readonly time: WatermarkStrategy<unknown> | null
  readonly bounded: boolean
  /** Closed until a stream that comes before it has ended. */
  readonly gate?: StartGate
  readonly start: StartPosition
  readonly onDecodeFailure: DecodeFailurePolicy
  /** Null where it says nothing of it. */
  readonly backlog: BacklogSpec | null
}

export interface SplitSourceSpec {
  readonly kind: 'splits'
  readonly source: Source<unknown>
  readonly time: WatermarkStrategy<unknown> | null
  /** All of it is backlog. */
  readonly isBacklog: boolean
}

export interface TopicSinkSpec {
  readonly kind: 'topic'
  readonly topic: string
  readonly value: Serde<unknown>
  /** Key bytes of the output record; null for none. */
  readonly key: ((value: unknown) => Uint8Array | null) | null
  /** Partition; by default the key's hash as the Java client computes it (murmur2), or round robin without a key. */
  readonly partition: ((value: unknown, partitions: number) => number) | null
  readonly headers: ((value: unknown) => readonly { key: string; value: Uint8Array }[]) | null
}

export interface CustomSinkSpec {
  readonly kind: 'custom'
  readonly sink: Sink<unknown, unknown>
}

/** How records travel along an edge. Above parallelism 1 all but the first three become exchanges through repartition topics. */
export type Partitioning =
  /** `value` where the edge is an exchange all the same: what is fed back in a loop. */
  | { readonly kind: 'forward'; readonly value?: Serde<unknown> }
  /** The input topic is already partitioned by this key: no exchange is needed. */
  | { readonly kind: 'prepartitioned'; readonly key: (value: unknown) => unknown }
  /** The records are with the task that owns their key already, since an exchange before brought them there. */
  | { readonly kind: 'colocated'; readonly key: (value: unknown) => unknown }
  /** To the task that owns the key; `field` when the key is that field of the value. */
  | {
      readonly kind: 'hash'
      readonly key: (value: unknown) => unknown
      readonly field?: string
      readonly value: Serde<unknown>
    }
  /** To all tasks in turn; to any at random; to every one; to the first. */
  | { readonly kind: 'rebalance' | 'shuffle' | 'broadcast' | 'global'; readonly value: Serde<unknown> }
  /** To the task that the function says. */
  | {
      readonly kind: 'custom'
      readonly select: (value: unknown, tasks: number) => number
      readonly value: Serde<unknown>
    }

/** Whether such an edge needs an exchange between several tasks. */
export function isExchanged(partitioning: Partitioning): boolean {
  const { kind } = partitioning
  return kind !== 'forward' && kind !== 'prepartitioned' && kind !== 'colocated'
}

export interface LogicalEdge {
  readonly from: number
  /** Side output tag of the upstream operator, or null for its main output. */
  readonly tag: string | null
  readonly partitioning: Partitioning
  /** From the end of a loop back to its head: the only edge that points back. */
  readonly isFeedback?: boolean
}

interface NodeBase {
  readonly id: number
  /** Given by the user, or null: then derived from the position in the graph. */
  readonly uid: string | null
  readonly name: string
  /** `map`, `window`, `topic-source`, …: for explain and for derived uids. */
  readonly type: string
  /** File and line of the call that added the node. */
  readonly callSite: string
  readonly inputs: readonly LogicalEdge[]
}

/** What the optimiser may know of an operator with one input: which records come out of it. */
export type OperatorSemantics =
  /** Some of those that come in: those that meet the condition, where there is one that is no function. */
  | { readonly kind: 'filter'; readonly condition?: Condition }
  /** All of them. */
  | { readonly kind: 'identity' }
  /** All of them, with these fields only. */
  | { readonly kind: 'project'; readonly fields: readonly string[] }

/** How records may be gathered before they travel to an operator, which takes what was gathered as well as single records. */
export interface Combiner {
  /** Makes one parallel instance of the operator that gathers. */
  readonly gather: () => Operator
  /** Key of what was gathered. */
  readonly key: (value: unknown) => unknown
  /** How what was gathered travels. */
  readonly value: Serde<unknown>
}

/** A way to compute an operator: how its inputs come together, and who computes. */
export interface Strategy {
  readonly name: string
  readonly partitionings: readonly Partitioning[]
  readonly create: () => Operator
  /** The input that is sent to every task; null when none is. */
  readonly broadcasts: number | null
  /** The input that is held in memory, or on disk beyond the budget; null when both are sorted instead. */
  readonly holds: number | null
}

/** What the optimiser may know of an operator that needs all of its input. */
export interface Traits {
  /** Fields of a record that come out as they came in, at the same task; `all` when whole records do. */
  readonly forwards?: 'all' | readonly string[]
  /** It sorts the records of its task by these keys, each followed by whether it ascends. */
  readonly sorts?: readonly unknown[]
  /** It gives no more records than it takes. */
  readonly isReducing?: boolean
  /** Strategies to choose from; the first one is taken where nothing is known of the sizes. */
  readonly strategies?: readonly Strategy[]
  /** Operators of one type with the same inputs and identical parts compute the same. */
  readonly identity?: readonly unknown[]
}

export interface SourceNode extends NodeBase {
  readonly kind: 'source'
  readonly source: TopicSourceSpec | SplitSourceSpec
}

export interface OperatorNode extends NodeBase {
  readonly kind: 'operator'
  /** Makes one parallel instance. */
  readonly create: () => Operator
  /** Whether it keeps keyed state, timers or operator state. */
  readonly stateful: boolean
  /** True for operators that make the key of a stream their own (their inputs must be hash or prepartitioned edges). */
  readonly keyed: boolean
  /** Those that its function names. */
  readonly signals?: SignalUse
  /** Needs all of its input before it gives anything, so that must end. */
  readonly bounded?: boolean
  /** Gives nothing, or not all, before watermarks have come. */
  readonly waitsForEventTime?: boolean
  readonly semantics?: OperatorSemantics
  readonly traits?: Traits
  readonly combiner?: Combiner
}

export interface SinkNode extends NodeBase {
  readonly kind: 'sink'
  readonly sink: TopicSinkSpec | CustomSinkSpec
}

export type LogicalNode = SourceNode | OperatorNode | SinkNode

export interface LogicalGraph {
  readonly job: string
  readonly nodes: readonly LogicalNode[]
}
