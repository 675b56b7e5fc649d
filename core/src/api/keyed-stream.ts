import type { AnyJoinMap, JoinMap, JoinType } from '../operator/join/join-type.ts'
import type { KeyedFunction, KeyedInput } from '../operator/keyed-function.ts'
import { KeyedProcessOperator } from '../operator/keyed-process.ts'
import { keyedReduce } from '../operator/keyed-reduce.ts'
import type { Operator } from '../operator/operator.ts'
import type { KeyedProcessFunction } from '../operator/process-function.ts'
import { NO_SIGNALS, type SignalUse } from '../operator/signal/function-signals.ts'
import type { WindowAssigner } from '../operator/window/window-assigner.ts'
import type { LogicalEdge } from '../plan/logical-graph.ts'
import { msgpack } from '../serde/msgpack.ts'
import type { Serde } from '../serde/serde.ts'
import { checkDescriptors } from '../state/keyed/check-descriptors.ts'
import type { NoState, StateDescriptors } from '../state/keyed/descriptor.ts'
import { BroadcastStream, KeyedBroadcastConnectedStream } from './broadcast-stream.ts'
import { callSite } from './call-site.ts'
import { checkFunctions } from './check-functions.ts'
import { KeyedConnectedStreams, roundHandlers } from './connected-streams.ts'
import { DataStream } from './data-stream.ts'
import { greatest, least, type Ordered, sum } from './field-reduce.ts'
import type { GraphBuilder } from './graph-builder.ts'
import {
  type AsOfJoinOptions,
  asOfJoinFunction,
  type IntervalJoinOptions,
  intervalJoinFunction,
  type RegularJoinOptions,
  regularJoinFunction,
} from './joins.ts'
import { type DeltaOptions, iterateDelta, type LoopContext, type SolutionSet } from './looped-stream.ts'
import { signalHandlers } from './signal-use.ts'
import { checkTimersAtEnd } from './timers-at-end.ts'
import { windowSpec } from './window-spec.ts'
import { WindowedStream } from './windowed-stream.ts'

/** A stream whose records belong to keys of type `K`. */
export class KeyedStream<K, T> {
  readonly #builder: GraphBuilder
  readonly #edge: LogicalEdge
  readonly #key: (value: T) => K

  constructor(builder: GraphBuilder, edge: LogicalEdge, key: (value: T) => K) {
    this.#builder = builder
    this.#edge = edge
    this.#key = key
  }

  /** Folds the records of each key into one value, and gives that value after each record. */
  reduce(reduce: (left: T, right: T) => T, options: { readonly serde?: Serde<T> } = {}): DataStream<T> {
    checkFunctions('reduce', { reduce }, { required: ['reduce'] })
    const key = this.#key
    return this.#then('reduce', () => keyedReduce(key, reduce, options.serde ?? msgpack<T>()))
  }

  /** The sum of a field of each key after each record; the other fields are those of the latest one. */
  sum<const Field extends PropertyKey>(this: KeyedStream<K, Record<Field, number>>, field: Field): DataStream<T> {
    return this.reduce(sum(field)) as unknown as DataStream<T>
  }

  /** The least value of a field so far; the other fields are those of the latest record. */
  min<const Field extends PropertyKey>(this: KeyedStream<K, Record<Field, Ordered>>, field: Field): DataStream<T> {
    return this.reduce(least(field, true)) as unknown as DataStream<T>
  }

  /** The greatest value of a field so far; the other fields are those of the latest record. */
  max<const Field extends PropertyKey>(this: KeyedStream<K, Record<Field, Ordered>>, field: Field): DataStream<T> {
    return this.reduce(greatest(field, true)) as unknown as DataStream<T>
  }

  /** The record with the least value of a field so far, as a whole; the first of several. */
  minBy<const Field extends PropertyKey>(this: KeyedStream<K, Record<Field, Ordered>>, field: Field): DataStream<T> {
    return this.reduce(least(field, false)) as unknown as DataStream<T>
  }

  /** The record with the greatest value of a field so far, as a whole; the first of several. */
  maxBy<const Field extends PropertyKey>(this: KeyedStream<K, Record<Field, Ordered>>, field: Field): DataStream<T> {
    return this.reduce(greatest(field, false)) as unknown as DataStream<T>
  }

  /**
   * A function with state and timers of each key. The type of what it emits is that of its collector.
   *
   * @example
   * payments.keyBy((p) => p.card).process({
   *   state: { count: valueState({ initial: 0 }) },
   *   onRecord(payment, { state }, out: Collector<string>) {
   *     state.count.set(state.count.get() + 1)
   *     if (state.count.get() === 3) out.emit(payment.card)
   *   },
   * })
   */
  process<Out, Descriptors extends StateDescriptors = NoState>(
    processFunction: KeyedProcessFunction<K, T, Out, Descriptors>,
  ): DataStream<Out> {
    checkFunctions('process', processFunction, { required: ['onRecord'], optional: ['onTimer', 'onSignal'] })
    checkTimersAtEnd(processFunction)
    const { state = {}, onTimer, timersAtEnd, waitsForEventTime, open, close } = processFunction
    checkDescriptors(state, callSite())
    const keyedFunction: KeyedFunction = {
      state,
      inputs: [{ key: this.#key, onRecord: processFunction.onRecord.bind(processFunction) } as unknown as KeyedInput],
      onTimer: (onTimer?.bind(processFunction) ?? null) as KeyedFunction['onTimer'],
      timersAtEnd,
      ...roundHandlers(processFunction),
      ...signalHandlers(processFunction),
      open: open?.bind(processFunction) ?? null,
      close: close?.bind(processFunction) ?? null,
    }
    const create = (): Operator => new KeyedProcessOperator(keyedFunction)
    return this.#then('keyed-process', create, keyedFunction.signals, waitsForEventTime)
  }

  /**
   * Gathers the records of each key in windows: `tumbling`, `sliding`, `cumulative`, `sessions`, `countWindows`,
   * `deltaWindows`, `globalWindows`, `customWindows`.
   */
  window(assigner: WindowAssigner<T>): WindowedStream<K, T> {
    return new WindowedStream<K, T>(
      this.#builder,
      this.#edge,
      windowSpec(this.#key as (value: never) => unknown, assigner),
    )
  }

  /** This stream and another one with the same type of key, for a function that shares state between the two; or a broadcast one. */
  connect<Other>(other: KeyedStream<K, Other>): KeyedConnectedStreams<K, T, Other>
  connect<Other, Shared extends StateDescriptors>(
    other: BroadcastStream<Other, Shared>,
  ): KeyedBroadcastConnectedStream<K, T, Other, Shared>
  connect<Other>(
    other: KeyedStream<K, Other> | BroadcastStream<Other, StateDescriptors>,
  ): KeyedConnectedStreams<K, T, Other> | KeyedBroadcastConnectedStream<K, T, Other, StateDescriptors> {
    if (other instanceof BroadcastStream) return new KeyedBroadcastConnectedStream(this.#edge, this.#key, other)
    return new KeyedConnectedStreams<K, T, Other>(
      this.#builder,
      { edge: this.#edge, key: this.#key },
      { edge: other.#edge, key: other.#key },
    )
  }

  /**
   * Records of both streams with the same key whose times are near.
   *
   * @example
   * orders.keyBy('id').intervalJoin(payments.keyBy('orderId'), { lower: 0, upper: '1h', type: 'left' }, (order, payment) =>
   *   ({ id: order.id, isPaid: payment !== undefined }))
   */
  intervalJoin<Other, Out, const Type extends JoinType = 'inner'>(
    other: KeyedStream<K, Other>,
    options: IntervalJoinOptions<T, Other, Type>,
    map: JoinMap<T, Other, Out, Type>,
  ): DataStream<Out> {
    return this.connect(other).process(intervalJoinFunction<T, Other, Out>(options, map as AnyJoinMap))
  }

  /**
   * Each record with the version of its key that the other stream gave for its time: the last one at or before it. The
   * result comes when the watermark has passed the record.
   *
   * @example
   * orders.keyBy('currency').asOfJoin(rates.keyBy('currency'), {}, (order, rate) => order.amount * rate.value)
   */
  asOfJoin<Version, Out, const Type extends 'inner' | 'left' = 'inner'>(
    versions: KeyedStream<K, Version>,
    options: AsOfJoinOptions<T, Version, Type>,
    map: JoinMap<T, Version, Out, Type>,
  ): DataStream<Out> {
    return this.connect(versions).process(asOfJoinFunction<T, Version, Out>(options, map as AnyJoinMap))
  }

  /**
   * Each record with all of the other stream that have the same key, whichever comes first. Both sides are kept: give a time
   * to live where keys do not end.
   */
  join<Other, Out>(
    other: KeyedStream<K, Other>,
    map: (left: T, right: Other) => Out,
    options: RegularJoinOptions<T, Other> = {},
  ): DataStream<Out> {
    return this.connect(other).process(regularJoinFunction<T, Other, Out>(options, map as AnyJoinMap))
  }

  /**
   * A delta iteration: this bounded stream is the solution set, one value of each key; `workset` is what the first round works
   * on. `step` brings records to `solution`, which changes what has to be changed, and gives the workset of the next round. It
   * ends when that is empty. A round costs as much as it has records, however large the solution set is. The result is the
   * solution set.
   *
   * @example
   * // The least number that reaches each vertex is the number of its component.
   * vertices.keyBy('id').iterateDelta(starts.keyBy('id'), (workset, solution) =>
   *   solution.coGroup(workset, (candidates, { current, update }, out: Collector<Candidate>) => {
   *     const least = Math.min(...candidates.map((candidate) => candidate.component))
   *     if (current === undefined || least >= current.component) return
   *     update({ ...current, component: least })
   *     for (const id of current.neighbours) out.emit({ id, component: least })
   *   }))
   */
  iterateDelta<W>(
    workset: KeyedStream<K, W>,
    step: (workset: KeyedStream<K, W>, solution: SolutionSet<K, T>, context: LoopContext) => DataStream<NoInfer<W>>,
    options: DeltaOptions<T, W> = {},
  ): DataStream<T> {
    return iterateDelta(this.#builder, this, workset, step, options)
  }

  /** @internal */
  get side(): { readonly edge: LogicalEdge; readonly key: (value: never) => unknown } {
    return { edge: this.#edge, key: this.#key as (value: never) => unknown }
  }

  #then<Out>(
    type: string,
    create: () => Operator,
    signals: SignalUse = NO_SIGNALS,
    waitsForEventTime = false,
  ): DataStream<Out> {
    const inputs = [this.#edge]
    const node = this.#builder.operator({
      type,
      inputs,
      create,
      stateful: true,
      keyed: true,
      signals,
      waitsForEventTime,
    })
    return new DataStream<Out>(this.#builder, node)
  }
}
