import { StreamError } from '../errors.ts'
import type { StateDescriptors, StateHandles } from '../state/keyed/descriptor.ts'
import type { KeyedStates } from '../state/keyed/keyed-states.ts'
import type { OperatorContext } from './operator.ts'
import { RecordContext } from './process-context.ts'
import type { KeyedContext, Timers } from './process-function.ts'
import type { TimerService } from './timer-service.ts'

/** The context of a keyed function: one object for all records. */
export class KeyedRecordContext
  extends RecordContext<never>
  implements KeyedContext<unknown, StateDescriptors>, Timers
{
  readonly state: StateHandles<StateDescriptors>
  readonly timers: Timers = this
  readonly broadcast: StateHandles<StateDescriptors>
  readonly #states: KeyedStates
  readonly #timers: TimerService | null

  constructor(
    operator: OperatorContext,
    states: KeyedStates,
    handles: StateHandles<StateDescriptors>,
    timers: TimerService | null,
    broadcast: StateHandles<StateDescriptors>,
  ) {
    super(operator)
    this.broadcast = broadcast
    this.state = handles
    this.#states = states
    this.#timers = timers
  }

  get key(): unknown {
    return this.#states.current.key
  }

  atEventTime(timeMs: number): void {
    this.#service.set('event', timeMs)
  }

  atProcessingTime(timeMs: number): void {
    this.#service.set('processing', timeMs)
  }

  deleteEventTime(timeMs: number): void {
    this.#service.delete('event', timeMs)
  }

  deleteProcessingTime(timeMs: number): void {
    this.#service.delete('processing', timeMs)
  }

  get #service(): TimerService {
    if (this.#timers !== null) return this.#timers
    throw new StreamError('GRAPH_INVALID', 'The function sets a timer, but has no onTimer to hear of it.')
  }
}
