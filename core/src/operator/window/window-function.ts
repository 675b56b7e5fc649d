import type { NoState, StateDescriptors, StateHandles } from '../../state/keyed/descriptor.ts'
import type { OutputTag } from '../output-tag.ts'
import type { Collector, OpenContext } from '../process-function.ts'
import type { TimeWindow } from './window-assigner.ts'

/** Where a firing stands: before the watermark has passed the window, when it does, or after it. */
export type FiringTime = 'early' | 'on-time' | 'late'

/** What a window function is told beside the result. Valid only while the function runs. */
export interface WindowContext<
  K,
  WindowState extends StateDescriptors = NoState,
  KeyState extends StateDescriptors = NoState,
> {
  readonly key: K
  readonly window: TimeWindow
  /** True when the window has fired before. */
  readonly isUpdate: boolean
  readonly firing: FiringTime
  /** All event time up to here has passed; minus infinity before the first watermark. */
  readonly watermark: number
  /** Clock time in milliseconds. */
  now(): number
  /** State of this window of this key: it outlives firings and goes with the window. */
  readonly windowState: StateHandles<WindowState>
  /** State of the key, common to all its windows. */
  readonly keyState: StateHandles<KeyState>
  /** Sends a record to a side output. */
  side<T>(tag: OutputTag<T>, value: T): void
}

/**
 * A function over the windows of a key, with state. `In` is the result of what gathers the window: its records, the reduced
 * record, or the aggregate's result.
 */
export interface WindowFunction<
  K,
  In,
  Out,
  WindowState extends StateDescriptors = NoState,
  KeyState extends StateDescriptors = NoState,
> {
  /** State of each window. */
  readonly windowState?: WindowState
  /** State of each key. */
  readonly keyState?: KeyState
  onWindow(result: In, context: WindowContext<K, NoInfer<WindowState>, NoInfer<KeyState>>, out: Collector<Out>): void
  /** The window is about to be forgotten, with its state. */
  onClear?(context: WindowContext<K, NoInfer<WindowState>, NoInfer<KeyState>>): void
  open?(context: OpenContext): void | Promise<void>
  close?(): void | Promise<void>
}

/** A window function as operators run it. */
export interface AnyWindowFunction {
  readonly windowState: StateDescriptors
  readonly keyState: StateDescriptors
  readonly onWindow: (result: unknown, context: WindowContext<unknown>, out: Collector<unknown>) => void
  readonly onClear: ((context: WindowContext<unknown>) => void) | null
  readonly open: ((context: OpenContext) => void | Promise<void>) | null
  readonly close: (() => void | Promise<void>) | null
}
