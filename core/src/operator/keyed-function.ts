import type { StateDescriptors, StateHandles } from '../state/keyed/descriptor.ts'
import type {
  Collector,
  KeyedContext,
  OpenContext,
  SignalContext,
  TimerFired,
  TimersAtEnd,
} from './process-function.ts'
import type { SignalUse } from './signal/function-signals.ts'
import type { ReceivedSignal } from './signal/signal.ts'

/** One input of a keyed function: how its records are keyed, and what takes them. */
export interface KeyedInput {
  readonly key: (value: never) => unknown
  readonly onRecord: (value: never, context: KeyedContext<never, never>, out: Collector<never>) => void
}

export interface KeyedFunction {
  readonly inputs: readonly KeyedInput[]
  readonly state: StateDescriptors
  /** What the context shows of broadcast state. */
  readonly broadcast?: () => StateHandles<StateDescriptors>
  readonly onTimer: ((timer: TimerFired, context: KeyedContext<never, never>, out: Collector<never>) => void) | null
  /** @default 'fire' */
  readonly timersAtEnd?: TimersAtEnd | undefined
  /** Called at the end of each round for every key that had a record in it; `lifetime` 'round' then deletes its state. */
  readonly onRoundEnd?: ((context: KeyedContext<never, never>, out: Collector<never>) => void) | null
  readonly lifetime?: 'loop' | 'round'
  /** Called for every key with state when the loop is over. */
  readonly onTermination?: ((context: KeyedContext<never, never>, out: Collector<never>) => void) | null
  readonly signals?: SignalUse
  readonly onSignal?: SignalHandler | null
  readonly open: ((context: OpenContext) => void | Promise<void>) | null
  readonly close: (() => void | Promise<void>) | null
}

export type SignalHandler = (
  signal: ReceivedSignal,
  context: SignalContext<never, never>,
  out: Collector<never>,
) => void
