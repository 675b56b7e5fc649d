import { type CollectTarget, collectSink } from '../connector/collect.ts'
import { printSink } from '../connector/print.ts'
import type { Sink } from '../connector/sink.ts'
import type { Condition } from '../connector/source.ts'
import { GraphError } from '../errors.ts'
import type { AsyncOptions } from '../operator/async/async-function.ts'
import { meets } from '../operator/batch/condition.ts'
import type { AnyJoinMap, JoinMap } from '../operator/join/join-type.ts'
import type { Operator } from '../operator/operator.ts'
import type { OperatorListDescriptors } from '../operator/operator-list.ts'
import type { OutputTag } from '../operator/output-tag.ts'
import { PassOperator } from '../operator/pass.ts'
import { ProcessOperator } from '../operator/process.ts'
import type { ProcessFunction, RichFunction } from '../operator/process-function.ts'
import { FilterOperator, FlatMapOperator, MapOperator } from '../operator/transform.ts'
import { UnionOperator } from '../operator/union.ts'
import type { WindowAssigner } from '../operator/window/window-assigner.ts'
import type { LogicalEdge, OperatorSemantics, Partitioning, Traits } from '../plan/logical-graph.ts'
import { msgpack } from '../serde/msgpack.ts'
import type { Serde } from '../serde/serde.ts'
import { checkDescriptors } from '../state/keyed/check-descriptors.ts'
import { mapState, type NoState, type StateDescriptors } from '../state/keyed/descriptor.ts'
import { type AsyncCall, asyncOperator, type LookupJoinOptions, lookupOperator } from './async-stream.ts'
import { DataSet } from './batch/data-set.ts'
import { type BroadcastJoinOptions, broadcastJoin } from './broadcast-join.ts'
import { BroadcastConnectedStream, BroadcastStream } from './broadcast-stream.ts'
import { callSite } from './call-site.ts'
import { checkFunctions } from './check-functions.ts'
import { ConnectedStreams } from './connected-streams.ts'
import type { BuildingNode, GraphBuilder, OperatorSpec } from './graph-builder.ts'
import { KeyedStream } from './keyed-stream.ts'
import { type BulkOptions, type IterateOptions, iterate, iterateBulk, type LoopContext } from './looped-stream.ts'
import { signalUse } from './signal-use.ts'
import { SinkHandle } from './sink-handle.ts'
import type { SinkTopology } from './sink-topology.ts'
import { type TopicSinkOptions, topicSink } from './topic-sink.ts'
import type { WindowedStream } from './windowed-stream.ts'

export interface ExchangeOptions<T> {
  /** How records travel from task to task, above parallelism 1. @default msgpack() */
  readonly serde?: Serde<T>
}

export interface BroadcastOptions<T, Shared extends StateDescriptors> extends ExchangeOptions<T> {
  /** State that every task keeps of what is broadcast. */
  readonly state: Shared
}

export interface KeyByOptions<T> extends ExchangeOptions<T> {
  /**
   * The stream comes straight from a topic whose records are already partitioned by this key: no exchange is needed. A
   * promise about the data, which nothing checks.
   */
  readonly prepartitioned?: boolean
}

export const forward: Partitioning = { kind: 'forward' }

/** Operators whose functions have no context to send with. */
const withoutSides: ReadonlySet<string> = new Set([
  ...['map', 'filter', 'flat-map', 'map-async', 'flat-map-async', 'lookup-join', 'project', 'union', 'reduce'],
  ...['rebalance', 'shuffle', 'rescale', 'global', 'partition', 'broadcast'],
])

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

  /**
   * One record for each. In place of a function it takes an object with `onRecord`, and with `open` and `close` for what the
   * function needs: a connection, metrics of its own. So do `filter` and `flatMap`. `forwards` names fields that come out as they
   * came in, a promise which nothing checks: where bounded data is partitioned by one of them already, it need not be again.
   *
   * @example
   * texts.map({ open: ({ metrics }) => { parsed = metrics.counter('parsed', 'Texts parsed') }, onRecord(text) { parsed.add(); return parse(text) } })
   */
  map<Out>(
    map: ((value: T) => Out) | RichFunction<T, Out>,
    options: { readonly forwards?: readonly (keyof T & keyof Out)[] } = {},
  ): DataStream<Out> {
    const rich = richFunction('map', map)
    return this.#operator('map', () => new MapOperator(rich), false, undefined, {
      forwards: options.forwards?.map(String) ?? [],
      isReducing: true,
      identity: [map],
    })
  }

  filter<Kept extends T>(keep: (value: T) => value is Kept): DataStream<Kept>
  filter(keep: ((value: T) => boolean) | RichFunction<T, boolean>): DataStream<T>
  filter(keep: ((value: T) => boolean) | RichFunction<T, boolean>): DataStream<T> {
    const rich = richFunction('filter', keep)
    return this.#operator('filter', () => new FilterOperator(rich), false, { kind: 'filter' }, { identity: [keep] })
  }

  /** @internal A filter that the optimiser can read. */
  where(condition: Condition): DataStream<T> {
    const keep = { onRecord: meets(condition) as (value: T) => boolean }
    const { field, operator, value } = condition
    const create = (): Operator => new FilterOperator(keep)
    return this.#operator(
      'filter',
      create,
      false,
      { kind: 'filter', condition },
      { identity: [field, operator, value] },
    )
  }

  /** Any number of records for each, in order. */
  flatMap<Out>(flatMap: ((value: T) => Iterable<Out>) | RichFunction<T, Iterable<Out>>): DataStream<Out> {
    const rich = richFunction('flatMap', flatMap)
    return this.#operator('flat-map', () => new FlatMapOperator(rich), false, undefined, { identity: [flatMap] })
  }

  /**
   * One result for each record, which may come later: many calls are under way at the same time. Records that wait are part
   * of each commit, and called for again after a restart: a call may be made more than once.
   *
   * @example
   * payments.mapAsync(async (p, { signal }) => ({ ...p, score: await score(p, signal) }), {
   *   capacity: 200, timeout: '2s', retry: { maxAttempts: 3 }, fallback: (p) => ({ ...p, score: null }),
   * })
   */
  mapAsync<Out>(call: AsyncCall<T, Out>, options: AsyncOptions<T, Out> = {}): DataStream<Out> {
    return this.#operator('map-async', asyncOperator('mapAsync', call, options, null), true)
  }

  /** Any number of results for each record, which may come later; see `mapAsync`. */
  flatMapAsync<Out>(call: AsyncCall<T, Iterable<Out>>, options: AsyncOptions<T, Iterable<Out>> = {}): DataStream<Out> {
    const create = asyncOperator('flatMapAsync', call, options, (_, results) => results as Iterable<unknown>)
    return this.#operator('flat-map-async', create, true)
  }

  /**
   * Each record with what a service or a database has for its key, by calls as `mapAsync` makes them.
   *
   * @example
   * orders.lookupJoin(
   *   { key: (o) => o.customer, lookup: (id) => db.customer(id), cache: { maxEntries: 10_000, ttl: '5m' } },
   *   (order, customer) => ({ ...order, segment: customer.segment }),
   * )
   */
  lookupJoin<K, Found, Out, const Type extends 'inner' | 'left' = 'inner'>(
    options: LookupJoinOptions<T, K, Found, Type>,
    map: JoinMap<T, Found, Out, Type>,
  ): DataStream<Out> {
    return this.#operator('lookup-join', lookupOperator(options, map as AnyJoinMap), true)
  }

  /**
   * A function with a collector and side outputs. The type of what it emits is that of its third parameter.
   *
   * @example
   * payments.process({ onRecord(p, ctx, out: Collector<Payment>) { if (p.amount > 0) out.emit(p); else ctx.side(bad, p) } })
   */
  process<Out, Lists extends OperatorListDescriptors = NoState>(
    processFunction: ProcessFunction<T, Out, Lists>,
  ): DataStream<Out> {
    checkFunctions('process', processFunction, {
      required: ['onRecord'],
      optional: ['onWatermark', 'onSignal', 'onEnd'],
    })
    const signals = signalUse(processFunction)
    const { operatorState } = processFunction
    const plain = processFunction as unknown as ProcessFunction<T, Out>
    if (operatorState !== undefined) checkDescriptors(operatorState, callSite(), 'only state of keys expires')
    return this.withOperator<Out>({
      type: 'process',
      inputs: [this.edge(forward)],
      create: () => new ProcessOperator(plain, signals),
      stateful: operatorState !== undefined,
      signals,
    })
  }

  /** Only these fields of every record. */
  project<const Field>(...fields: readonly (Field & keyof T)[]): DataStream<Pick<T, Field & keyof T>> {
    const names = fields.map(String)
    const projected = { onRecord: (value: T) => pick(value, fields) }
    const create = (): Operator => new MapOperator(projected)
    return this.#operator('project', create, false, { kind: 'project', fields: names }, { identity: names })
  }

  /** What functions of this operator send to a side output. @throws GRAPH_INVALID for operators that have none */
  sideOutput<Side>(tag: OutputTag<Side>): DataStream<Side> {
    if (withoutSides.has(this.node.type)) {
      throw new GraphError(
        `sideOutput('${tag.id}') at ${callSite()} is of '${this.node.name}' (${this.node.type}), whose function cannot send to side outputs; process can.`,
      )
    }
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

  /** This stream and one of another type, or a broadcast one, for a function with two inputs. */
  connect<Other>(other: DataStream<Other>): ConnectedStreams<T, Other>
  connect<Other, Shared extends StateDescriptors>(
    other: BroadcastStream<Other, Shared>,
  ): BroadcastConnectedStream<T, Other, Shared>
  connect(
    other: DataStream<unknown> | BroadcastStream<unknown, StateDescriptors>,
  ): ConnectedStreams<T, unknown> | BroadcastConnectedStream<T, unknown, StateDescriptors> {
    if (other instanceof BroadcastStream) {
      this.#checkSameJob(other.builder)
      return new BroadcastConnectedStream(this.edge(forward), other)
    }
    this.#checkSameJob(other.builder)
    return new ConnectedStreams(this.builder, this.edge(forward), other.edge(forward))
  }

  /**
   * Each record with the newest record of a small stream that has its key. All of the small stream is kept at every task, so
   * this stream need not be keyed and stays where it is. What has not come yet is not found.
   *
   * @example
   * sales.broadcastJoin(shops, { key: (sale) => sale.shop, by: (shop) => shop.id, type: 'left' }, (sale, shop) => …)
   */
  broadcastJoin<Other, K, Out, const Type extends 'inner' | 'left' = 'inner'>(
    other: DataStream<Other>,
    options: BroadcastJoinOptions<T, Other, K, Type>,
    map: JoinMap<T, Other, Out, Type>,
  ): DataStream<Out> {
    const serde = options.serde ?? msgpack<Other>()
    const table = other.broadcast({ serde, state: { table: mapState<K, Other>({ serde }) } })
    return this.connect(table).process(broadcastJoin<T, Other, K, Out>(options, map as AnyJoinMap))
  }

  /**
   * A loop in a stream: what `step` gives as `feedback` goes round again, `output` leaves it. Exactly-once: what is on its way
   * round is part of each commit. With bounded input the loop ends when nothing is left in it.
   *
   * What is fed back keeps its timestamp; the watermark in the loop is that of this stream, so it may be late. Streams from
   * outside that `step` reads (training data beside a model, say) are part of the loop's first round: that ends when they have.
   *
   * @example
   * numbers.iterate((n) => {
   *   const halved = n.map((x) => x / 2)
   *   return { feedback: halved.filter((x) => x > 1), output: halved.filter((x) => x <= 1) }
   * })
   */
  iterate<Out>(
    step: (loop: DataStream<T>, context: LoopContext) => { feedback: DataStream<NoInfer<T>>; output: DataStream<Out> },
    options: IterateOptions<T> = {},
  ): DataStream<Out> {
    return iterate(this.builder, this, step, options)
  }

  /**
   * A bulk iteration over a bounded stream: `step` makes of all records the records of the next round. What the last round
   * gave is the result. Streams from outside that `step` reads are read to their end before the first round; a function that
   * keeps them in its state has them in every round, `context.replay` sends them in every round.
   *
   * @example
   * ranks.iterateBulk((ranks, loop) => {
   *   const next = ranks.keyBy('page').connect(links.keyBy('page')).process(…)
   *   loop.aggregate(change, next.map((rank) => rank.change))
   *   return next
   * }, { maxRounds: 100, converged: (round) => round.get(change) < 1e-9 })
   */
  iterateBulk(
    step: (partial: DataStream<T>, context: LoopContext) => DataStream<NoInfer<T>>,
    options: BulkOptions<T>,
  ): DataStream<T> {
    return iterateBulk(this.builder, this, step, options)
  }

  /** To all tasks in turn, so that each gets the same number of records. */
  rebalance(options: ExchangeOptions<T> = {}): DataStream<T> {
    return this.spread('rebalance', { kind: 'rebalance', value: serdeOf(options) })
  }

  /** To any task at random. */
  shuffle(options: ExchangeOptions<T> = {}): DataStream<T> {
    return this.spread('shuffle', { kind: 'shuffle', value: serdeOf(options) })
  }

  /**
   * In turn among the tasks that are near. All steps of a job have the same number of tasks, so there is one near task,
   * the one that has the record already: nothing is sent anywhere.
   */
  rescale(): DataStream<T> {
    return this.spread('rescale', forward)
  }

  /** To the first task only. */
  global(options: ExchangeOptions<T> = {}): DataStream<T> {
    return this.spread('global', { kind: 'global', value: serdeOf(options) })
  }

  /** To the task that the function names, from 0 to `tasks - 1`. */
  partitionBy(select: (value: T, tasks: number) => number, options: ExchangeOptions<T> = {}): DataStream<T> {
    checkFunctions('partitionBy', { select }, { required: ['select'] })
    const custom = select as (value: unknown, tasks: number) => number
    return this.spread('partition', { kind: 'custom', select: custom, value: serdeOf(options) })
  }

  /** To every task: each record is processed once by all of them. */
  broadcast(options?: ExchangeOptions<T>): DataStream<T>
  /**
   * To every task, to keep state there which the records of a connected stream see. Such a stream has no say in how far
   * event time has come.
   *
   * @example
   * const rules = env.topic('rules', json<Rule>()).broadcast({ state: { rules: mapState<string, Rule>() } })
   * payments.keyBy((p) => p.card).connect(rules).process({
   *   onBroadcast: (rule, { broadcast }) => broadcast.rules.set(rule.id, rule),
   *   onRecord(payment, { broadcast }, out: Collector<Alert>) { for (const rule of broadcast.rules.values()) … },
   * })
   */
  broadcast<Shared extends StateDescriptors>(options: BroadcastOptions<T, Shared>): BroadcastStream<T, Shared>
  broadcast<Shared extends StateDescriptors>(
    options: ExchangeOptions<T> | BroadcastOptions<T, Shared> = {},
  ): DataStream<T> | BroadcastStream<T, Shared> {
    const partitioning: Partitioning = { kind: 'broadcast', value: serdeOf(options) }
    if (!('state' in options)) return this.spread('broadcast', partitioning)
    checkDescriptors(options.state, callSite(), 'only state of keys expires; delete from broadcast state what is over')
    return new BroadcastStream(this.builder, this.edge(partitioning), options.state)
  }

  /**
   * Brings the records of each key together; state, timers and windows behind it belong to the key. A key is a string,
   * number, bigint, boolean, Date, bytes, or an array or plain object of these.
   */
  keyBy<K>(key: (value: T) => K, options?: KeyByOptions<T>): KeyedStream<K, T>
  keyBy<const Field>(field: Field & keyof T, options?: KeyByOptions<T>): KeyedStream<T[Field & keyof T], T>
  keyBy<K>(by: ((value: T) => K) | keyof T, options: KeyByOptions<T> = {}): KeyedStream<K, T> {
    const isField = typeof by === 'string' ? by !== '' : typeof by === 'number' || typeof by === 'symbol'
    const key = isField ? (value: T): K => value[by as keyof T] as K : (by as (value: T) => K)
    checkFunctions('keyBy', { key }, { required: ['key'] })
    const select = key as (value: unknown) => unknown
    const field = typeof by === 'string' ? { field: by } : {}
    const partitioning: Partitioning = options.prepartitioned
      ? { kind: 'prepartitioned', key: select }
      : { kind: 'hash', key: select, ...field, value: serdeOf(options) }
    return new KeyedStream<K, T>(this.builder, this.edge(partitioning), key)
  }

  /**
   * Gathers all records in windows, whatever their keys. One task does all of it, so it does not scale: reduce what comes
   * in by `keyBy` first where there is much.
   */
  windowAll(assigner: WindowAssigner<T>, options: KeyByOptions<T> = {}): WindowedStream<'all', T> {
    return this.keyBy((): 'all' => 'all', options).window(assigner)
  }

  /**
   * This stream as a whole, to be sorted, grouped and joined: its sources must end.
   *
   * @example
   * env.topic('orders', json<Order>(), { bounded: true }).bounded().groupBy('customer').count()
   */
  bounded(options: ExchangeOptions<T> = {}): DataSet<T> {
    return new DataSet(this, options.serde)
  }

  /** Writes every record to a topic, exactly-once where the job is. */
  toTopic(topic: string, value: Serde<T>, options: TopicSinkOptions<T> = {}): SinkHandle {
    const node = this.builder.sink('topic-sink', this.edge(forward), topicSink(topic, value, options))
    node.name = topic
    return this.#handle<never>(node)
  }

  /** Hands every record to an array (or anything with `push`) of this process when its epoch is committed. */
  collect(target: CollectTarget<T>): SinkHandle {
    return this.to(collectSink(target) as Sink<T>)
  }

  /** Writes every record to standard output as it comes. */
  print(prefix = ''): SinkHandle {
    return this.to(printSink<T>(prefix))
  }

  /** Writes through the Sink SPI, or through a sink that consists of several operators. */
  to<Committed>(sink: Sink<T, Committed> | SinkTopology<T, Committed>): SinkHandle<Committed> {
    if ('connect' in sink) return this.#connect(sink)
    const custom = sink as unknown as Sink<unknown, unknown>
    const node = this.builder.sink(`${sink.name}-sink`, this.edge(forward), { kind: 'custom', sink: custom })
    return this.#handle<Committed>(node)
  }

  /** @internal */
  edge(partitioning: Partitioning): LogicalEdge {
    return { from: this.node.id, tag: this.#tag, partitioning }
  }

  /** @internal An operator behind this stream, in the same job as all of its inputs. */
  withOperator<Out>(spec: OperatorSpec): DataStream<Out> {
    return new DataStream<Out>(this.builder, this.builder.operator(spec))
  }

  #handle<Committed>(node: BuildingNode, inner: readonly BuildingNode[] = []): SinkHandle<Committed> {
    return new SinkHandle<Committed>({ node, inner, stream: () => new DataStream<Committed>(this.builder, node) })
  }

  /** @throws GRAPH_INVALID for a topology that gives a sink of its own making */
  #connect<Committed>(topology: SinkTopology<T, Committed>): SinkHandle<Committed> {
    const before = this.builder.size
    const { node } = topology.connect(this)
    const added = this.builder.addedSince(before)
    if (added.includes(node)) {
      const inner = added.filter((own) => own !== node)
      return this.#handle<Committed>(node, inner)
    }
    throw new GraphError(
      `to() at ${callSite()}: connect must put the sink that it returns behind the stream that it gets.`,
    )
  }

  #checkSameJob(other: GraphBuilder): void {
    if (other === this.builder) return
    throw new GraphError(
      `At ${callSite()} streams of two jobs are joined; write one to a topic that the other job reads.`,
    )
  }

  /** @internal */
  spread(type: string, partitioning: Partitioning): DataStream<T> {
    const node = this.builder.operator({
      type,
      inputs: [this.edge(partitioning)],
      create: () => new PassOperator() as Operator,
      semantics: { kind: 'identity' },
    })
    return new DataStream<T>(this.builder, node)
  }

  #operator<Out>(
    type: string,
    create: () => Operator,
    stateful = false,
    semantics?: OperatorSemantics,
    traits?: Traits,
  ): DataStream<Out> {
    const inputs = [this.edge(forward)]
    const known = { ...(semantics === undefined ? {} : { semantics }), ...(traits === undefined ? {} : { traits }) }
    return this.withOperator<Out>({ type, inputs, create, stateful, ...known })
  }
}

/** The two forms of a function as one. @throws GRAPH_INVALID */
function richFunction<In, Result>(
  method: string,
  given: ((value: In) => Result) | RichFunction<In, Result>,
): RichFunction<In, Result> {
  const rich = typeof given === 'function' ? { onRecord: given } : given
  const instead = method === 'flatMap' ? 'flatMapAsync' : 'mapAsync'
  checkFunctions(method, rich, { required: ['onRecord'], advice: `; call ${instead} instead` })
  return rich
}

function serdeOf<T>(options: ExchangeOptions<T>): Serde<unknown> {
  return (options.serde ?? msgpack<T>()) as Serde<unknown>
}

function pick<T, Field extends keyof T>(value: T, fields: readonly Field[]): Pick<T, Field> {
  return Object.fromEntries(fields.map((field) => [field, value[field]])) as Pick<T, Field>
}
