import type { KeyedFunction, KeyedInput } from '../operator/keyed-function.ts'
import { KeyedProcessOperator } from '../operator/keyed-process.ts'
import type { Operator } from '../operator/operator.ts'
import { CoProcessOperator } from '../operator/process.ts'
import type { CoProcessFunction, KeyedCoProcessFunction } from '../operator/process-function.ts'
import { NO_SIGNALS } from '../operator/signal/function-signals.ts'
import type { LogicalEdge } from '../plan/logical-graph.ts'
import { checkDescriptors } from '../state/keyed/check-descriptors.ts'
import type { NoState, StateDescriptors } from '../state/keyed/descriptor.ts'
import { callSite } from './call-site.ts'
import { checkFunctions } from './check-functions.ts'
import { DataStream } from './data-stream.ts'
import type { GraphBuilder } from './graph-builder.ts'
import { signalHandlers, signalUse } from './signal-use.ts'
import { checkTimersAtEnd } from './timers-at-end.ts'

/** Two streams of different types, side by side. */
export class ConnectedStreams<Left, Right> {
  readonly #builder: GraphBuilder
  readonly #inputs: readonly LogicalEdge[]

  constructor(builder: GraphBuilder, left: LogicalEdge, right: LogicalEdge) {
    this.#builder = builder
    this.#inputs = [left, right]
  }

  /** A function with a handler for each of the two. */
  process<Out>(processFunction: CoProcessFunction<Left, Right, Out>): DataStream<Out> {
    checkFunctions('process', processFunction, { required: ['onLeft', 'onRight'], optional: ['onSignal'] })
    const signals = signalUse(processFunction)
    const create = (): Operator => new CoProcessOperator(processFunction, signals)
    return new DataStream<Out>(
      this.#builder,
      this.#builder.operator({ type: 'co-process', inputs: this.#inputs, create, signals }),
    )
  }
}

interface KeyedSide<K, T> {
  readonly edge: LogicalEdge
  readonly key: (value: T) => K
}

/** Two keyed streams that share their keys. */
export class KeyedConnectedStreams<K, Left, Right> {
  readonly #builder: GraphBuilder
  readonly #left: KeyedSide<K, Left>
  readonly #right: KeyedSide<K, Right>

  constructor(builder: GraphBuilder, left: KeyedSide<K, Left>, right: KeyedSide<K, Right>) {
    this.#builder = builder
    this.#left = left
    this.#right = right
  }

  /** A function with a handler for each of the two, and state and timers of each key in common. */
  process<Out, Descriptors extends StateDescriptors = NoState>(
    processFunction: KeyedCoProcessFunction<K, Left, Right, Out, Descriptors>,
  ): DataStream<Out> {
    checkFunctions('process', processFunction, { required: ['onLeft', 'onRight'], optional: ['onTimer', 'onSignal'] })
    checkTimersAtEnd(processFunction)
    const { state = {}, onTimer, timersAtEnd, waitsForEventTime = false, open, close } = processFunction
    checkDescriptors(state, callSite())
    const keyedFunction: KeyedFunction = {
      state,
      inputs: [
        { key: this.#left.key, onRecord: processFunction.onLeft.bind(processFunction) },
        { key: this.#right.key, onRecord: processFunction.onRight.bind(processFunction) },
      ] as unknown as KeyedInput[],
      onTimer: (onTimer?.bind(processFunction) ?? null) as KeyedFunction['onTimer'],
      timersAtEnd,
      ...roundHandlers(processFunction),
      ...signalHandlers(processFunction),
      open: open?.bind(processFunction) ?? null,
      close: close?.bind(processFunction) ?? null,
    }
    const node = this.#builder.operator({
      type: 'keyed-co-process',
      inputs: [this.#left.edge, this.#right.edge],
      create: () => new KeyedProcessOperator(keyedFunction),
      stateful: true,
      keyed: true,
      signals: keyedFunction.signals ?? NO_SIGNALS,
      waitsForEventTime,
    })
    return new DataStream<Out>(this.#builder, node)
  }
}

type RoundHandler = NonNullable<KeyedFunction['onRoundEnd']>

/** What a function by key hears of the rounds of the loop around it. */
export function roundHandlers(processFunction: {
  readonly lifetime?: 'loop' | 'round'
  onRoundEnd?(context: never, out: never): void
  onTermination?(context: never, out: never): void
}): Required<Pick<KeyedFunction, 'onRoundEnd' | 'onTermination' | 'lifetime'>> {
  const { onRoundEnd, onTermination, lifetime = 'loop' } = processFunction
  return {
    lifetime,
    onRoundEnd: (onRoundEnd?.bind(processFunction) ?? null) as RoundHandler | null,
    onTermination: (onTermination?.bind(processFunction) ?? null) as RoundHandler | null,
  }
}
