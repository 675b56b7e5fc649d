import type { NoState, StateDescriptors, StateHandles } from '../../state/keyed/descriptor.ts'
import type { TimerFired, Timers } from '../process-function.ts'
import type { TimeDomain } from '../timer-service.ts'
import type { TimeWindow } from './window-assigner.ts'

/** What becomes of a window: its function runs over it (`fire`), what it holds is forgotten (`purge`), or both. */
export type TriggerDecision = 'continue' | 'fire' | 'purge' | 'fire-and-purge'

/** The window that a trigger decides about. */
export interface TriggerContext<State extends StateDescriptors = NoState> {
  readonly key: unknown
  readonly window: TimeWindow
  /** All event time up to here has passed; minus infinity before the first watermark. */
  readonly watermark: number
  /** Clock time in milliseconds. */
  now(): number
  /** The trigger's own state of this window. */
  readonly state: StateHandles<State>
  /** Timers of this window; they are forgotten with it. */
  readonly timers: Timers
}

/**
 * Says when a window fires. Its state and timers belong to one window of one key.
 *
 * @example
 * const everyThirdError: Trigger<Entry, { errors: ReducingDescriptor<number> }> = {
 *   name: 'every third error',
 *   state: { errors: reducingState((a: number, b: number) => a + b) },
 *   onRecord(entry, timestamp, { state }) {
 *     if (entry.level === 'error') state.errors.add(1)
 *     if (state.errors.get() !== 3) return 'continue'
 *     state.errors.clear()
 *     return 'fire'
 *   },
 * }
 */
export interface Trigger<T, State extends StateDescriptors = StateDescriptors> {
  /** For plans and messages. */
  readonly name: string
  readonly state?: State
  /** The time of the windows that it is for; windows of the other time refuse it. */
  readonly domain?: TimeDomain
  /** It waits for the window's end; windows that have none refuse it. */
  readonly needsEnd?: boolean
  /** It has a say in what comes late; windows that keep nothing for late records refuse it. */
  readonly needsLateness?: boolean
  /** After a record was added to the window. */
  onRecord(value: T, timestamp: number, context: TriggerContext<NoInfer<State>>): TriggerDecision
  /** A timer of the window. */
  onTimer?(timer: TimerFired, context: TriggerContext<NoInfer<State>>): TriggerDecision
  /**
   * After windows became one: state has been merged (lists and maps joined, values reduced), timers are gone and must be
   * set for the new window. Windows that merge refuse a trigger without it.
   */
  onMerge?(context: TriggerContext<NoInfer<State>>): void
}
