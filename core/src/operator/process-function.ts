import type { NoState, StateDescriptors, StateHandles } from '../state/keyed/descriptor.ts'
import type { OutputTag } from './output-tag.ts'
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
  /** Event time of the current record or timer in milliseconds; minus infinity when it has none. */
  readonly timestamp: number
  /** All event time up to here has passed; minus infinity before the first watermark. */
  readonly watermark: number
  /** Clock time in milliseconds. */
  now(): number
  /** Sends a record to a side output. */
  side<T>(tag: OutputTag<T>, value: T): void
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
  /** Index of the task, and number of tasks. */
  readonly index: number
  readonly parallelism: number
}

interface Lifecycle {
  open?(context: OpenContext): void | Promise<void>
  close?(): void | Promise<void>
}

/** A function over single records, without state. */
export interface ProcessFunction<In, Out> extends Lifecycle {
  onRecord(value: In, context: ProcessContext, out: Collector<Out>): void
  /** The input has ended. */
  onEnd?(out: Collector<Out>): void
}

/** A function over the records of a key, with state and timers. Everything is synchronous. */
export interface KeyedProcessFunction<K, In, Out, Descriptors extends StateDescriptors = NoState> extends Lifecycle {
  readonly state?: Descriptors
  onRecord(value: In, context: KeyedContext<K, NoInfer<Descriptors>>, out: Collector<Out>): void
  onTimer?(timer: TimerFired, context: KeyedContext<K, NoInfer<Descriptors>>, out: Collector<Out>): void
}

/** A function over two keyed streams that share their keys, and thereby state and timers. */
export interface KeyedCoProcessFunction<K, Left, Right, Out, Descriptors extends StateDescriptors = NoState>
  extends Lifecycle {
  readonly state?: Descriptors
  onLeft(value: Left, context: KeyedContext<K, NoInfer<Descriptors>>, out: Collector<Out>): void
  onRight(value: Right, context: KeyedContext<K, NoInfer<Descriptors>>, out: Collector<Out>): void
  onTimer?(timer: TimerFired, context: KeyedContext<K, NoInfer<Descriptors>>, out: Collector<Out>): void
}

/** A function over two streams, without state. */
export interface CoProcessFunction<Left, Right, Out> extends Lifecycle {
  onLeft(value: Left, context: ProcessContext, out: Collector<Out>): void
  onRight(value: Right, context: ProcessContext, out: Collector<Out>): void
}
