import type { Logger } from '../metrics/logger.ts'
import type { MetricGroup } from '../metrics/registry.ts'
import type { NoState, StateDescriptors, StateHandles } from '../state/keyed/descriptor.ts'
import type { Round } from './loop/round.ts'
import type { OperatorListDescriptors } from './operator-list.ts'
import type { OutputTag } from './output-tag.ts'
import type { ReceivedSignal, Signal, SignalValue } from './signal/signal.ts'
import type { TimeDomain } from './timer-service.ts'

/** Takes what a function gives out. */
export interface Collector<Out> {
  /** Sends a record on, with the timestamp of what is being processed, or with another one (milliseconds). */
  emit(value: Out, timestamp?: number): void
}

/** Sets and deletes timers of the current key. Times are milliseconds; a time that has passed fires as soon as it can. */
export interface Timers {
  /** Fires when the watermark reaches `timeMs`. */
  atEventTime(timeMs: number): void
  /** Fires when the clock reaches `timeMs`. */
  atProcessingTime(timeMs: number): void
  deleteEventTime(timeMs: number): void
  deleteProcessingTime(timeMs: number): void
}

export interface ProcessContext {
  /** Index of the task. Tasks of a thread share the function and what it closes over: what belongs to one is told by this. */
  readonly index: number
  /** Event time of the current record or timer in milliseconds; minus infinity when it has none. */
  readonly timestamp: number
  /** All event time up to here has passed; minus infinity before the first watermark. */
  readonly watermark: number
  /** The round that goes on in the loop around the function. */
  readonly round: Round
  /** A source in front says that it is behind; see the signal `backlog`. */
  readonly isBacklog: boolean
  /** Clock time in milliseconds. */
  now(): number
  /** Sends a record to a side output. */
  side<T>(tag: OutputTag<T>, value: T): void
  /**
   * Says it to all behind the function, at this place among its records; nothing is sent when it was said last already.
   * @throws GRAPH_INVALID for one that is not in `emits`
   */
  emitSignal<V extends SignalValue>(signal: Signal<V>, value: NoInfer<V>): void
  /**
   * What was heard last of it, over all channels; undefined before anything was. It is kept with each commit.
   * @throws GRAPH_INVALID for one that is not in `hears`
   */
  signal<V extends SignalValue>(signal: Signal<V>): V | undefined
}

export interface KeyedContext<K, Descriptors extends StateDescriptors> extends ProcessContext {
  readonly key: K
  /** State of the current key. */
  readonly state: StateHandles<Descriptors>
  readonly timers: Timers
}

export interface TimerFired {
  readonly timeMs: number
  readonly domain: TimeDomain
}

/** What a function is told before the first record. */
export interface OpenContext {
  readonly job: string
  /** Of the operator. */
  readonly uid: string
  readonly name: string
  /** Index of the task, and number of tasks. */
  readonly index: number
  readonly parallelism: number
  /** How often this worker has started the task before: 0 at first, one more after each failure or change of its sources. */
  readonly attempt: number
  /** Number of key groups. */
  readonly maxParallelism: number
  /** For metrics of the function's own; they carry the labels of task and operator. */
  readonly metrics: MetricGroup
  readonly logger: Logger
  /** Clock time in milliseconds. */
  now(): number
}

/**
 * What becomes of timers of processing time that wait when the input has ended: `fire` them at once, `wait` for the clock to
 * come to them, or `drop` them. What those that fire then set for later does not fire.
 */
export type TimersAtEnd = 'fire' | 'wait' | 'drop'

interface HasTimers {
  /** @default 'fire' */
  readonly timersAtEnd?: TimersAtEnd
  /**
   * Its results need watermarks: it is refused (`GRAPH_INVALID`) behind a source that does not end and has no watermark strategy,
   * where its timers of event time would never fire. @default false
   */
  readonly waitsForEventTime?: boolean
}

/** What a function in a loop may hear of its rounds. */
interface InLoop<Context, Out> {
  /** No more records of the round will come. */
  onRoundEnd?(context: Context, out: Collector<Out>): void
  /** The loop is over: no round follows. */
  onTermination?(context: Context, out: Collector<Out>): void
}

/** What a function by key in a loop may hear of its rounds. */
interface KeyedInLoop<Context, Out> {
  /**
   * How long the state of the function lives: for all rounds, or for one, at the end of which that of each key with a
   * record in it is deleted. @default 'loop'
   */
  readonly lifetime?: 'loop' | 'round'
  /** No more records of the round will come. Called for each key that had one, so it costs as much as there are such keys. */
  onRoundEnd?(context: Context, out: Collector<Out>): void
  /** The loop is over. Called for each key with state. */
  onTermination?(context: Context, out: Collector<Out>): void
}

/** The signals of a function. */
interface Signals<Context, Out> {
  /** Those that it says. */
  readonly emits?: readonly Signal[]
  /** Those that it hears, by `onSignal` or in `context.signal`. */
  readonly hears?: readonly Signal[]
  /** The combined value of a signal that it hears is another one than before. What is emitted here comes before the signal goes on. */
  onSignal?(signal: ReceivedSignal, context: Context, out: Collector<Out>): void
}

/** What a function by key is told with a signal, which belongs to no key. */
export interface SignalContext<K, Descriptors extends StateDescriptors> extends ProcessContext {
  /**
   * Visits every key of this task for which state or timers are kept, in no particular order: once the function has returned, and
   * before anything else comes. `done` is called behind the last. Keys that are not on the heap (`stateCache`) are read in portions
   * meanwhile; nothing is committed until all are visited. What a visit asks for itself follows behind it.
   * @example forEachKey(({ state }) => { sum += state.count.get() }, () => out.emit(sum))
   * @throws USER_FUNCTION_FAILED when it is called after all of that
   */
  forEachKey(visit: (context: KeyedContext<K, Descriptors>) => void, done?: () => void): void
}

interface Lifecycle {
  open?(context: OpenContext): void | Promise<void>
  close?(): void | Promise<void>
}

/** What a function without keys is told: its state belongs to the task. */
export interface TaskContext<Lists extends OperatorListDescriptors = NoState> extends ProcessContext {
  readonly operatorState: StateHandles<Lists>
}

export interface TaskOpenContext<Lists extends OperatorListDescriptors = NoState> extends OpenContext {
  readonly operatorState: StateHandles<Lists>
}

/** A function over single records. */
export interface ProcessFunction<In, Out, Lists extends OperatorListDescriptors = NoState>
  extends InLoop<TaskContext<NoInfer<Lists>>, Out>,
    Signals<TaskContext<NoInfer<Lists>>, Out> {
  /** Lists that belong to the task; see `operatorListState`. */
  readonly operatorState?: Lists
  /** Its lists are restored already: what is derived from them can be built here. */
  open?(context: TaskOpenContext<NoInfer<Lists>>): void | Promise<void>
  close?(): void | Promise<void>
  onRecord(value: In, context: TaskContext<NoInfer<Lists>>, out: Collector<Out>): void
  /** The watermark has moved; results of event time that are due can be sent. */
  onWatermark?(watermark: number, context: TaskContext<NoInfer<Lists>>, out: Collector<Out>): void
  /** The input has ended. */
  onEnd?(out: Collector<Out>, context: TaskContext<NoInfer<Lists>>): void
}

/** What `map`, `filter` and `flatMap` do with a record, for a function that has something to open and close. */
export interface RichFunction<In, Result> extends Lifecycle {
  onRecord(value: In): Result
}

/** A function over the records of a key, with state and timers. Everything is synchronous. */
export interface KeyedProcessFunction<K, In, Out, Descriptors extends StateDescriptors = NoState>
  extends Lifecycle,
    HasTimers,
    KeyedInLoop<KeyedContext<K, NoInfer<Descriptors>>, Out>,
    Signals<SignalContext<K, NoInfer<Descriptors>>, Out> {
  readonly state?: Descriptors
  onRecord(value: In, context: KeyedContext<K, NoInfer<Descriptors>>, out: Collector<Out>): void
  onTimer?(timer: TimerFired, context: KeyedContext<K, NoInfer<Descriptors>>, out: Collector<Out>): void
}

/** A function over two keyed streams that share their keys, and thereby state and timers. */
export interface KeyedCoProcessFunction<K, Left, Right, Out, Descriptors extends StateDescriptors = NoState>
  extends Lifecycle,
    HasTimers,
    KeyedInLoop<KeyedContext<K, NoInfer<Descriptors>>, Out>,
    Signals<SignalContext<K, NoInfer<Descriptors>>, Out> {
  readonly state?: Descriptors
  onLeft(value: Left, context: KeyedContext<K, NoInfer<Descriptors>>, out: Collector<Out>): void
  onRight(value: Right, context: KeyedContext<K, NoInfer<Descriptors>>, out: Collector<Out>): void
  onTimer?(timer: TimerFired, context: KeyedContext<K, NoInfer<Descriptors>>, out: Collector<Out>): void
}

/** A function over two streams, without state. */
export interface CoProcessFunction<Left, Right, Out>
  extends Lifecycle,
    InLoop<ProcessContext, Out>,
    Signals<ProcessContext, Out> {
  onLeft(value: Left, context: ProcessContext, out: Collector<Out>): void
  onRight(value: Right, context: ProcessContext, out: Collector<Out>): void
}

/** Broadcast state as a keyed record sees it: it can be read, since only what is broadcast may change it. */
export type ReadonlyHandles<Descriptors extends StateDescriptors> = {
  readonly [Name in keyof Descriptors]: Omit<StateHandles<Descriptors>[Name], 'set' | 'add' | 'delete' | 'clear'>
}

/** A function over a stream and a broadcast one, without keys. */
export interface BroadcastProcessFunction<In, Broadcast, Out, Shared extends StateDescriptors>
  extends Lifecycle,
    InLoop<ProcessContext & { readonly broadcast: StateHandles<Shared> }, Out>,
    Signals<ProcessContext & { readonly broadcast: StateHandles<Shared> }, Out> {
  onRecord(
    value: In,
    context: ProcessContext & { readonly broadcast: ReadonlyHandles<Shared> },
    out: Collector<Out>,
  ): void
  /** Every task gets it: what is done to the broadcast state must be the same in all of them. */
  onBroadcast(
    value: Broadcast,
    context: ProcessContext & { readonly broadcast: StateHandles<Shared> },
    out: Collector<Out>,
  ): void
}

/** What is broadcast can look at, and change, the state of every key of its task. */
export interface BroadcastContext<K, Descriptors extends StateDescriptors, Shared extends StateDescriptors>
  extends ProcessContext {
  readonly broadcast: StateHandles<Shared>
  /** As that of `SignalContext`. */
  forEachKey(visit: (context: KeyedContext<K, Descriptors>) => void, done?: () => void): void
}

/** A function over a keyed stream and a broadcast one, e.g. transactions and the rules for them. */
export interface KeyedBroadcastProcessFunction<
  K,
  In,
  Broadcast,
  Out,
  Shared extends StateDescriptors,
  Descriptors extends StateDescriptors = NoState,
> extends Lifecycle,
    HasTimers,
    InLoop<BroadcastContext<K, NoInfer<Descriptors>, Shared>, Out>,
    Signals<BroadcastContext<K, NoInfer<Descriptors>, Shared>, Out> {
  readonly state?: Descriptors
  onRecord(
    value: In,
    context: KeyedContext<K, NoInfer<Descriptors>> & { readonly broadcast: ReadonlyHandles<Shared> },
    out: Collector<Out>,
  ): void
  /** Every task gets it: what is done to the broadcast state must be the same in all of them. */
  onBroadcast(value: Broadcast, context: BroadcastContext<K, NoInfer<Descriptors>, Shared>, out: Collector<Out>): void
  onTimer?(
    timer: TimerFired,
    context: KeyedContext<K, NoInfer<Descriptors>> & { readonly broadcast: ReadonlyHandles<Shared> },
    out: Collector<Out>,
  ): void
}
