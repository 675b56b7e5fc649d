import type { KeyedFunction, KeyedInput } from '../operator/keyed-process.ts'
import { KeyedProcessOperator } from '../operator/keyed-process.ts'
import { keyedReduce } from '../operator/keyed-reduce.ts'
import type { Operator } from '../operator/operator.ts'
import type { KeyedProcessFunction } from '../operator/process-function.ts'
import type { WindowAssigner } from '../operator/window/window-assigner.ts'
import type { LogicalEdge } from '../plan/logical-graph.ts'
import { msgpack } from '../serde/msgpack.ts'
import type { Serde } from '../serde/serde.ts'
import { checkDescriptors } from '../state/keyed/check-descriptors.ts'
import type { NoState, StateDescriptors } from '../state/keyed/descriptor.ts'
import { callSite } from './call-site.ts'
import { KeyedConnectedStreams } from './connected-streams.ts'
import { DataStream } from './data-stream.ts'
import type { GraphBuilder } from './graph-builder.ts'
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
    const key = this.#key
    return this.#then('reduce', () => keyedReduce(key, reduce, options.serde ?? msgpack<T>()))
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
    const { state = {}, onTimer, open, close } = processFunction
    checkDescriptors(state, callSite())
    const keyedFunction: KeyedFunction = {
      state,
      inputs: [{ key: this.#key, onRecord: processFunction.onRecord.bind(processFunction) } as unknown as KeyedInput],
      onTimer: (onTimer?.bind(processFunction) ?? null) as KeyedFunction['onTimer'],
      open: open?.bind(processFunction) ?? null,
      close: close?.bind(processFunction) ?? null,
    }
    return this.#then('keyed-process', () => new KeyedProcessOperator(keyedFunction))
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

  /** This stream and another one with the same type of key, for a function that shares state between the two. */
  connect<Other>(other: KeyedStream<K, Other>): KeyedConnectedStreams<K, T, Other> {
    return new KeyedConnectedStreams<K, T, Other>(
      this.#builder,
      { edge: this.#edge, key: this.#key },
      { edge: other.#edge, key: other.#key },
    )
  }

  #then<Out>(type: string, create: () => Operator): DataStream<Out> {
    const node = this.#builder.operator({ type, inputs: [this.#edge], create, stateful: true, keyed: true })
    return new DataStream<Out>(this.#builder, node)
  }
}
