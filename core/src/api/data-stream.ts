import { type CollectTarget, collectSink } from '../connector/collect.ts'
import { printSink } from '../connector/print.ts'
import type { Sink } from '../connector/sink.ts'
import { GraphError } from '../errors.ts'
import type { Operator } from '../operator/operator.ts'
import type { OutputTag } from '../operator/output-tag.ts'
import { ProcessOperator } from '../operator/process.ts'
import type { ProcessFunction } from '../operator/process-function.ts'
import { FilterOperator, FlatMapOperator, MapOperator } from '../operator/transform.ts'
import { UnionOperator } from '../operator/union.ts'
import type { WindowAssigner } from '../operator/window/window-assigner.ts'
import type { LogicalEdge, Partitioning } from '../plan/logical-graph.ts'
import { msgpack } from '../serde/msgpack.ts'
import type { Serde } from '../serde/serde.ts'
import { callSite } from './call-site.ts'
import { ConnectedStreams } from './connected-streams.ts'
import type { BuildingNode, GraphBuilder } from './graph-builder.ts'
import { KeyedStream } from './keyed-stream.ts'
import { type TopicSinkOptions, topicSink } from './topic-sink.ts'
import type { WindowedStream } from './windowed-stream.ts'

export interface KeyByOptions<T> {
  /** How records travel to the task that owns their key, above parallelism 1. @default msgpack() */
  readonly serde?: Serde<T>
  /**
   * The stream comes straight from a topic whose records are already partitioned by this key: no exchange is needed. A
   * promise about the data, which nothing checks.
   */
  readonly prepartitioned?: boolean
}

export const forward: Partitioning = { kind: 'forward' }

/** A stream of values of type `T`. Methods add operators to the job; nothing runs yet. */
export class DataStream<T> {
  protected readonly builder: GraphBuilder
  protected readonly node: BuildingNode
  readonly #tag: string | null

  constructor(builder: GraphBuilder, node: BuildingNode, tag: string | null = null) {
    this.builder = builder
    this.node = node
    this.#tag = tag
  }

  /** Gives the operator a name of its own among all versions of the job: state is found again by it. */
  uid(uid: string): this {
    this.node.uid = uid
    return this
  }

  /** A name for people, shown in plans, metrics and errors. */
  named(name: string): this {
    this.node.name = name
    return this
  }

  map<Out>(map: (value: T) => Out): DataStream<Out> {
    return this.#then('map', () => new MapOperator(map))
  }

  filter<Kept extends T>(keep: (value: T) => value is Kept): DataStream<Kept>
  filter(keep: (value: T) => boolean): DataStream<T>
  filter(keep: (value: T) => boolean): DataStream<T> {
    return this.#then('filter', () => new FilterOperator(keep))
  }

  /** Any number of records for each, in order. */
  flatMap<Out>(flatMap: (value: T) => Iterable<Out>): DataStream<Out> {
    return this.#then('flat-map', () => new FlatMapOperator(flatMap))
  }

  /**
   * A function with a collector and side outputs. The type of what it emits is that of its third parameter.
   *
   * @example
   * payments.process({ onRecord(p, ctx, out: Collector<Payment>) { if (p.amount > 0) out.emit(p); else ctx.side(bad, p) } })
   */
  process<Out>(processFunction: ProcessFunction<T, Out>): DataStream<Out> {
    return this.#then('process', () => new ProcessOperator(processFunction))
  }

  /** What functions of this operator send to a side output. */
  sideOutput<Side>(tag: OutputTag<Side>): DataStream<Side> {
    return new DataStream<Side>(this.builder, this.node, tag.id)
  }

  /** This stream and others of its type as one. */
  union(...others: readonly DataStream<T>[]): DataStream<T> {
    for (const other of others) this.#checkSameJob(other.builder)
    const inputs = [this, ...others].map((stream) => stream.edge(forward))
    const node = this.builder.operator({
      type: 'union',
      inputs,
      create: () => new UnionOperator(inputs.length) as Operator,
    })
    return new DataStream<T>(this.builder, node)
  }

  /** This stream and one of another type, for a function with two inputs. */
  connect<Other>(other: DataStream<Other>): ConnectedStreams<T, Other> {
    this.#checkSameJob(other.builder)
    return new ConnectedStreams(this.builder, this.edge(forward), other.edge(forward))
  }

  /**
   * Brings the records of each key together; state, timers and windows behind it belong to the key. A key is a string,
   * number, bigint, boolean, Date, bytes, or an array or plain object of these.
   */
  keyBy<K>(key: (value: T) => K, options: KeyByOptions<T> = {}): KeyedStream<K, T> {
    const serde = (options.serde ?? msgpack<T>()) as Serde<unknown>
    const select = key as (value: unknown) => unknown
    const partitioning: Partitioning = options.prepartitioned
      ? { kind: 'prepartitioned', key: select }
      : { kind: 'hash', key: select, value: serde }
    return new KeyedStream<K, T>(this.builder, this.edge(partitioning), key)
  }

  /**
   * Gathers all records in windows, whatever their keys. One task does all of it, so it does not scale: reduce what comes
   * in by `keyBy` first where there is much.
   */
  windowAll(assigner: WindowAssigner<T>, options: KeyByOptions<T> = {}): WindowedStream<'all', T> {
    return this.keyBy((): 'all' => 'all', options).window(assigner)
  }

  /** Writes every record to a topic, exactly-once where the job is. */
  toTopic(topic: string, value: Serde<T>, options: TopicSinkOptions<T> = {}): SinkHandle {
    const node = this.builder.sink('topic-sink', this.edge(forward), topicSink(topic, value, options))
    node.name = topic
    return new SinkHandle(node)
  }

  /** Hands every record to an array (or anything with `push`) of this process when its epoch is committed. */
  collect(target: CollectTarget<T>): SinkHandle {
    return this.to(collectSink(target))
  }

  /** Writes every record to standard output as it comes. */
  print(prefix = ''): SinkHandle {
    return this.to(printSink<T>(prefix))
  }

  /** Writes through the Sink SPI. */
  to<Committable>(sink: Sink<T, Committable>): SinkHandle {
    const custom = sink as unknown as Sink<unknown, unknown>
    return new SinkHandle(this.builder.sink(`${sink.name}-sink`, this.edge(forward), { kind: 'custom', sink: custom }))
  }

  /** @internal */
  edge(partitioning: Partitioning): LogicalEdge {
    return { from: this.node.id, tag: this.#tag, partitioning }
  }

  #checkSameJob(other: GraphBuilder): void {
    if (other === this.builder) return
    throw new GraphError(
      `At ${callSite()} streams of two jobs are joined; write one to a topic that the other job reads.`,
    )
  }

  #then<Out>(type: string, create: () => Operator): DataStream<Out> {
    return new DataStream<Out>(this.builder, this.builder.operator({ type, inputs: [this.edge(forward)], create }))
  }
}

/** The end of a stream. */
export class SinkHandle {
  readonly #node: BuildingNode

  constructor(node: BuildingNode) {
    this.#node = node
  }

  uid(uid: string): this {
    this.#node.uid = uid
    return this
  }

  named(name: string): this {
    this.#node.name = name
    return this
  }
}
