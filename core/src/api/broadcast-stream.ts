import {
  BroadcastProcessOperator,
  type KeyedBroadcastFunction,
  KeyedBroadcastProcessOperator,
} from '../operator/broadcast-process.ts'
import type { BroadcastProcessFunction, KeyedBroadcastProcessFunction } from '../operator/process-function.ts'
import type { LogicalEdge } from '../plan/logical-graph.ts'
import { checkDescriptors } from '../state/keyed/check-descriptors.ts'
import type { NoState, StateDescriptors } from '../state/keyed/descriptor.ts'
import { callSite } from './call-site.ts'
import { checkFunctions } from './check-functions.ts'
import { DataStream } from './data-stream.ts'
import type { GraphBuilder } from './graph-builder.ts'
import { signalHandlers, signalUse } from './signal-use.ts'
import { checkTimersAtEnd } from './timers-at-end.ts'

/** A stream that goes to every task, with the state that is kept of it there. Connect another stream to it. */
export class BroadcastStream<T, Shared extends StateDescriptors> {
  /** @internal */
  readonly builder: GraphBuilder
  /** @internal */
  readonly edge: LogicalEdge
  /** @internal */
  readonly state: Shared
  /** Only for type inference; never set. */
  declare readonly '~type'?: T

  constructor(builder: GraphBuilder, edge: LogicalEdge, state: Shared) {
    this.builder = builder
    this.edge = edge
    this.state = state
  }
}

/** A stream without keys, and a broadcast one. */
export class BroadcastConnectedStream<T, Broadcast, Shared extends StateDescriptors> {
  readonly #edge: LogicalEdge
  readonly #broadcast: BroadcastStream<Broadcast, Shared>

  constructor(edge: LogicalEdge, broadcast: BroadcastStream<Broadcast, Shared>) {
    this.#edge = edge
    this.#broadcast = broadcast
  }

  /** A function that reads the broadcast state with every record. */
  process<Out>(processFunction: BroadcastProcessFunction<T, Broadcast, Out, Shared>): DataStream<Out> {
    checkFunctions('process', processFunction, { required: ['onRecord', 'onBroadcast'], optional: ['onSignal'] })
    const signals = signalUse(processFunction)
    const { builder, edge, state } = this.#broadcast
    const plain = processFunction as unknown as BroadcastProcessFunction<unknown, unknown, unknown, StateDescriptors>
    const node = builder.operator({
      type: 'broadcast-process',
      inputs: [this.#edge, edge],
      create: () => new BroadcastProcessOperator(plain, state, signals),
      stateful: true,
      signals,
    })
    return new DataStream<Out>(builder, node)
  }
}

/** A keyed stream, and a broadcast one. */
export class KeyedBroadcastConnectedStream<K, T, Broadcast, Shared extends StateDescriptors> {
  readonly #edge: LogicalEdge
  readonly #key: (value: T) => K
  readonly #broadcast: BroadcastStream<Broadcast, Shared>

  constructor(edge: LogicalEdge, key: (value: T) => K, broadcast: BroadcastStream<Broadcast, Shared>) {
    this.#edge = edge
    this.#key = key
    this.#broadcast = broadcast
  }

  /** A function with state and timers of each key, that reads the broadcast state with every record. */
  process<Out, Descriptors extends StateDescriptors = NoState>(
    processFunction: KeyedBroadcastProcessFunction<K, T, Broadcast, Out, Shared, Descriptors>,
  ): DataStream<Out> {
    checkFunctions('process', processFunction, {
      required: ['onRecord', 'onBroadcast'],
      optional: ['onTimer', 'onSignal'],
    })
    const { signals } = signalHandlers(processFunction)
    checkTimersAtEnd(processFunction)
    const { builder, edge, state: shared } = this.#broadcast
    const { state = {}, onTimer, timersAtEnd, waitsForEventTime = false, open, close } = processFunction
    checkDescriptors(state, callSite())
    const keyedFunction = {
      shared,
      keyed: {
        state,
        onTimer: onTimer?.bind(processFunction) ?? null,
        timersAtEnd,
        signals,
        open: open?.bind(processFunction) ?? null,
        close: close?.bind(processFunction) ?? null,
      },
      input: { key: this.#key, onRecord: processFunction.onRecord.bind(processFunction) },
      onBroadcast: processFunction.onBroadcast.bind(processFunction),
      onRoundEnd: processFunction.onRoundEnd?.bind(processFunction) ?? null,
      onTermination: processFunction.onTermination?.bind(processFunction) ?? null,
      onSignal: processFunction.onSignal?.bind(processFunction) ?? null,
    } as unknown as KeyedBroadcastFunction
    const node = builder.operator({
      type: 'keyed-broadcast-process',
      inputs: [this.#edge, edge],
      create: () => new KeyedBroadcastProcessOperator(keyedFunction),
      stateful: true,
      keyed: true,
      signals,
      waitsForEventTime,
    })
    return new DataStream<Out>(builder, node)
  }
}
