import type { OutputTag } from '../operator/output-tag.ts'
import type { Collector } from '../operator/process-function.ts'
import type { Evictor } from '../operator/window/evictor.ts'
import { keyOfPartials, takingPartials, windowsOfPartials } from '../operator/window/gather/partial-aggregate.ts'
import {
  aggregating,
  gathering,
  gatheringElements,
  type PaneContents,
  reducing,
} from '../operator/window/pane-contents.ts'
import { TaggedInputs, taggedSerde } from '../operator/window/tagged-inputs.ts'
import type { Trigger } from '../operator/window/trigger.ts'
import { isMerging, type WindowAssigner } from '../operator/window/window-assigner.ts'
import type { AnyWindowFunction, WindowContext, WindowFunction } from '../operator/window/window-function.ts'
import type { Combiner, LogicalEdge } from '../plan/logical-graph.ts'
import { msgpack } from '../serde/msgpack.ts'
import type { Serde } from '../serde/serde.ts'
import type { Aggregate, NoState, StateDescriptors } from '../state/keyed/descriptor.ts'
import { type Duration, durationMs } from '../time/duration.ts'
import { checkFunctions } from './check-functions.ts'
import { coGroupFunction, coGroupSpec } from './co-group.ts'
import { DataStream } from './data-stream.ts'
import { greatest, least, type Ordered, sum } from './field-reduce.ts'
import type { GraphBuilder } from './graph-builder.ts'
import type { JoinSerdes } from './joins.ts'
import type { KeyedStream } from './keyed-stream.ts'
import { checkWindow, refuse } from './window-checks.ts'
import { combinerOf } from './window-combiner.ts'
import { toWindowFunction, type WindowSpec, windowOperator } from './window-spec.ts'

/** Turns the result of a window into what the stream goes on with. */
export type WindowMap<K, In, Out> = (result: In, context: WindowContext<K>) => Out

export interface WindowStateOptions<T> {
  /** How what a window holds is stored. @default msgpack() */
  readonly serde?: Serde<T>
}

/** A keyed stream cut into windows; the last call says what is computed over each. */
export class WindowedStream<K, T> {
  readonly #builder: GraphBuilder
  readonly #edge: LogicalEdge
  readonly #spec: WindowSpec

  constructor(builder: GraphBuilder, edge: LogicalEdge, spec: WindowSpec) {
    this.#builder = builder
    this.#edge = edge
    this.#spec = spec
  }

  /**
   * Keeps windows after they fired; records that come within this time fire them again.
   *
   * @throws GRAPH_INVALID for windows that no record can be late for
   */
  allowedLateness(lateness: Duration): WindowedStream<K, T> {
    const allowedLatenessMs = durationMs(lateness)
    if (!hasLateRecords(this.#spec.assigner))
      throw refuse('allowedLateness', 'only windows of event time know late records')
    return this.#with({ allowedLatenessMs })
  }

  /** Where records go that are too late for all their windows; take them with `sideOutput(tag)` of the result. */
  lateTo(tag: OutputTag<T>): WindowedStream<K, T> {
    if (!hasLateRecords(this.#spec.assigner)) throw refuse('lateTo', 'only windows of event time know late records')
    return this.#with({ lateTag: tag.id })
  }

  /** Says when windows fire, in place of what their kind does by default. */
  trigger<State extends StateDescriptors>(trigger: Trigger<T, State>): WindowedStream<K, T> {
    checkFunctions('trigger', trigger, { required: ['onRecord'], optional: ['onTimer', 'onMerge'] })
    return this.#with({ trigger: trigger as unknown as Trigger<never> })
  }

  /** Takes records out of windows before or after their function sees them. Only for `process`, which keeps records one by one. */
  evictor(evictor: Evictor<T>): WindowedStream<K, T> {
    const { assigner } = this.#spec
    if (assigner.kind === 'global' && assigner.evictor !== null)
      throw refuse('evictor', `${assigner.name} with a slide evicts all but its last records itself`)
    checkFunctions('evictor', evictor, { required: ['retain'] })
    return this.#with({ evictor: evictor as Evictor<never> })
  }

  /** Folds the records of a window into one of their type. The order in which it does so is not promised. */
  reduce(reduce: (left: T, right: T) => T, map?: undefined, options?: WindowStateOptions<T>): DataStream<T>
  reduce<Out>(
    reduce: (left: T, right: T) => T,
    map: WindowMap<K, T, Out>,
    options?: WindowStateOptions<T>,
  ): DataStream<Out>
  reduce<Out, WindowState extends StateDescriptors = NoState, KeyState extends StateDescriptors = NoState>(
    reduce: (left: T, right: T) => T,
    windowFunction: WindowFunction<K, T, Out, WindowState, KeyState>,
    options?: WindowStateOptions<T>,
  ): DataStream<Out>
  reduce<Out>(
    reduce: (left: T, right: T) => T,
    map?: WindowMap<K, T, Out> | WindowFunction<K, T, Out>,
    options: WindowStateOptions<T> = {},
  ): DataStream<T> | DataStream<Out> {
    checkFunctions('reduce', { reduce }, { required: ['reduce'] })
    this.#checkMap('reduce', map)
    return this.#folded<Out>('window-reduce', reducing(reduce, options.serde ?? msgpack<T>()), map)
  }

  /** The sum of a field over the window; the other fields are those of one of its records. */
  sum<const Field extends PropertyKey>(this: WindowedStream<K, Record<Field, number>>, field: Field): DataStream<T> {
    return this.reduce(sum(field)) as unknown as DataStream<T>
  }

  /** The least value of a field in the window; the other fields are those of one of its records. */
  min<const Field extends PropertyKey>(this: WindowedStream<K, Record<Field, Ordered>>, field: Field): DataStream<T> {
    return this.reduce(least(field, true)) as unknown as DataStream<T>
  }

  /** The greatest value of a field in the window; the other fields are those of one of its records. */
  max<const Field extends PropertyKey>(this: WindowedStream<K, Record<Field, Ordered>>, field: Field): DataStream<T> {
    return this.reduce(greatest(field, true)) as unknown as DataStream<T>
  }

  /** The record of the window with the least value of a field, as a whole. */
  minBy<const Field extends PropertyKey>(this: WindowedStream<K, Record<Field, Ordered>>, field: Field): DataStream<T> {
    return this.reduce(least(field, false)) as unknown as DataStream<T>
  }

  /** The record of the window with the greatest value of a field, as a whole. */
  maxBy<const Field extends PropertyKey>(this: WindowedStream<K, Record<Field, Ordered>>, field: Field): DataStream<T> {
    return this.reduce(greatest(field, false)) as unknown as DataStream<T>
  }

  /**
   * Folds the records of a window into an accumulator, so that only that is kept. With a `merge`, overlapping windows share
   * the work.
   *
   * @example
   * .aggregate({ create: () => ({ sum: 0, n: 0 }), add: (a, p) => ({ sum: a.sum + p.amount, n: a.n + 1 }), result: (a) => a.sum / a.n })
   */
  aggregate<Accumulator, Result>(aggregate: Aggregate<T, Accumulator, Result>): DataStream<Result>
  aggregate<Accumulator, Result, Out>(
    aggregate: Aggregate<T, Accumulator, Result>,
    map: WindowMap<K, Result, Out>,
  ): DataStream<Out>
  aggregate<
    Accumulator,
    Result,
    Out,
    WindowState extends StateDescriptors = NoState,
    KeyState extends StateDescriptors = NoState,
  >(
    aggregate: Aggregate<T, Accumulator, Result>,
    windowFunction: WindowFunction<K, Result, Out, WindowState, KeyState>,
  ): DataStream<Out>
  aggregate<Accumulator, Result, Out>(
    aggregate: Aggregate<T, Accumulator, Result>,
    map?: WindowMap<K, Result, Out> | WindowFunction<K, Result, Out>,
  ): DataStream<Result> | DataStream<Out> {
    checkFunctions('aggregate', aggregate, { required: ['create', 'add', 'result'], optional: ['merge'] })
    this.#checkMap('aggregate', map)
    if (isMerging(this.#spec.assigner) && aggregate.merge === undefined) {
      throw refuse(
        'aggregate',
        'the aggregate has no merge, which windows that merge (sessions) need: two of them become one when a record falls between them',
      )
    }
    return this.#folded<Out>('window-aggregate', aggregating(aggregate, aggregate.serde ?? msgpack<Accumulator>()), map)
  }

  /**
   * Hands over all records of a window when it fires, in the order in which they came. The type of what it emits is that
   * of its collector.
   */
  process<Out>(
    onWindow: (values: readonly T[], context: WindowContext<K>, out: Collector<Out>) => void,
    options?: WindowStateOptions<T>,
  ): DataStream<Out>
  process<Out, WindowState extends StateDescriptors = NoState, KeyState extends StateDescriptors = NoState>(
    windowFunction: WindowFunction<K, readonly T[], Out, WindowState, KeyState>,
    options?: WindowStateOptions<T>,
  ): DataStream<Out>
  process<Out>(
    given:
      | ((values: readonly T[], context: WindowContext<K>, out: Collector<Out>) => void)
      | WindowFunction<K, readonly T[], Out>,
    options: WindowStateOptions<T> = {},
  ): DataStream<Out> {
    const functions = typeof given === 'function' ? { onWindow: given } : given
    checkFunctions('process', functions, { required: ['onWindow'], optional: ['onClear'] })
    const windowFunction = toWindowFunction(functions)
    const serde = options.serde ?? msgpack<T>()
    const contents = this.#evictor === null ? gathering(serde) : gatheringElements(serde)
    return this.#add('window-process', contents, windowFunction, null)
  }

  /**
   * The records of this stream and of another one that are in the same window of the same key, side by side; either list
   * may be empty, so that outer joins can be made of it.
   *
   * @example
   * clicks.keyBy('user').window(tumbling('1m')).coGroup(buys.keyBy('user'), (clicks, buys, { key }, out: Collector<Visit>) =>
   *   out.emit({ user: key, clicks: clicks.length, buys: buys.length }))
   */
  coGroup<Other, Out>(
    other: KeyedStream<K, Other>,
    onWindow: (left: readonly T[], right: readonly Other[], context: WindowContext<K>, out: Collector<Out>) => void,
    serdes: JoinSerdes<T, Other> = {},
  ): DataStream<Out> {
    checkFunctions('coGroup', { onWindow }, { required: ['onWindow'] })
    return this.#coGroup('window-co-group', other, onWindow as never, serdes)
  }

  /** All pairs of records of the two streams that are in the same window of the same key. */
  join<Other, Out>(
    other: KeyedStream<K, Other>,
    map: (left: T, right: Other, context: WindowContext<K>) => Out,
    serdes: JoinSerdes<T, Other> = {},
  ): DataStream<Out> {
    checkFunctions('join', { map }, { required: ['map'] })
    const pairs = (
      left: readonly T[],
      right: readonly Other[],
      context: WindowContext<K>,
      out: Collector<Out>,
    ): void => {
      for (const l of left) for (const r of right) out.emit(map(l, r, context))
    }
    return this.#coGroup('window-join', other, pairs as never, serdes)
  }

  #coGroup<Other, Out>(
    type: string,
    other: KeyedStream<K, Other>,
    onSides: (left: unknown[], right: unknown[], context: WindowContext<unknown>, out: Collector<unknown>) => void,
    serdes: JoinSerdes<T, Other>,
  ): DataStream<Out> {
    const method = type === 'window-join' ? 'join' : 'coGroup'
    if (this.#evictor !== null)
      throw refuse(
        method,
        'an evictor would see the records of both streams as if they were of one; leave records out in the function',
      )
    const spec = coGroupSpec(this.#spec, other.side.key)
    const windowFunction = toWindowFunction(coGroupFunction(onSides))
    checkWindow(spec, windowFunction)
    const { left = msgpack<T>(), right = msgpack<Other>() } = serdes
    const contents = gathering(taggedSerde(left as Serde<unknown>, right as Serde<unknown>))
    const create = windowOperator(spec, contents, windowFunction, null)
    const node = this.#builder.operator({
      type,
      inputs: [this.#edge, other.side.edge],
      create: () => new TaggedInputs(create()),
      stateful: true,
      keyed: true,
      waitsForEventTime: waitsForEventTime(this.#spec),
    })
    return new DataStream<Out>(this.#builder, node)
  }

  /** What is made of a window's result: a function, or an object with one. */
  #checkMap(method: string, map: unknown): void {
    if (map === undefined) return
    if (typeof map === 'function') checkFunctions(method, { map }, { required: ['map'] })
    else checkFunctions(method, map as { onWindow?: unknown }, { required: ['onWindow'] })
  }

  get #evictor(): Evictor<never> | null {
    const { evictor, assigner } = this.#spec
    return evictor ?? (assigner.kind === 'global' ? assigner.evictor : null)
  }

  #folded<Out>(
    type: string,
    contents: PaneContents,
    map: WindowMap<K, never, Out> | WindowFunction<K, never, Out> | undefined,
  ): DataStream<Out> {
    if (this.#spec.evictor !== null) {
      throw refuse(
        type === 'window-reduce' ? 'reduce' : 'aggregate',
        'an evictor needs the records one by one, and they are folded as they come; use process',
      )
    }
    const windowFunction =
      typeof map === 'function'
        ? toWindowFunction({
            onWindow: (result: never, context: WindowContext<K>, out: Collector<Out>) => out.emit(map(result, context)),
          })
        : map === undefined
          ? null
          : toWindowFunction(map)
    if (this.#evictor === null) {
      const combiner = combinerOf(this.#spec, contents)
      if (combiner === null) return this.#add(type, contents, windowFunction, null)
      return this.#takingPartials().#add(type, takingPartials(contents), windowFunction, null, combiner)
    }
    // Windows of the last so many records: they are kept and folded when the window fires.
    const fold = (values: readonly unknown[]): unknown =>
      contents.result(values.reduce((folded, value) => contents.add(folded, value, 0), undefined))
    return this.#add(type, gatheringElements(msgpack<T>()), windowFunction, fold)
  }

  /** These windows, for records that may have been gathered before they came. */
  #takingPartials(): WindowedStream<K, T> {
    const { key, assigner } = this.#spec
    return this.#with({ key: keyOfPartials(key), assigner: windowsOfPartials(assigner) })
  }

  #add<Out>(
    type: string,
    contents: PaneContents,
    windowFunction: AnyWindowFunction | null,
    fold: ((values: readonly unknown[]) => unknown) | null,
    combiner: Combiner | null = null,
  ): DataStream<Out> {
    checkWindow(this.#spec, windowFunction)
    const create = windowOperator({ ...this.#spec, evictor: this.#evictor }, contents, windowFunction, fold)
    const node = this.#builder.operator({
      type,
      inputs: [this.#edge],
      create,
      stateful: true,
      keyed: true,
      waitsForEventTime: waitsForEventTime(this.#spec),
      combiner,
    })
    return new DataStream<Out>(this.#builder, node)
  }

  #with(changes: Partial<WindowSpec>): WindowedStream<K, T> {
    return new WindowedStream(this.#builder, this.#edge, { ...this.#spec, ...changes })
  }
}

/** Windows that another trigger than time's fires need no watermarks for their results. */
function waitsForEventTime({ assigner, trigger }: WindowSpec): boolean {
  if (trigger !== null) return trigger.domain === 'event'
  return assigner.kind !== 'global' && assigner.domain === 'event'
}

function hasLateRecords(assigner: WindowAssigner): boolean {
  return assigner.kind !== 'global' && assigner.domain === 'event'
}
