import { StreamError } from '../errors.ts'
import { decodeKey } from '../serde/key-codec.ts'
import type { StateEntry } from '../state/backend.ts'
import { createHandles } from '../state/keyed/create-handle.ts'
import type { StateDescriptors, StateHandles } from '../state/keyed/descriptor.ts'
import type { KeySlot } from '../state/keyed/key-table.ts'
import { type Cells, declareCells, KeyedStates } from '../state/keyed/keyed-states.ts'
import { StateTime } from '../state/keyed/ttl.ts'
import { BaseOperator } from './base-operator.ts'
import { InputGate } from './input-gate.ts'
import { openContext } from './open-context.ts'
import { NO_TIMESTAMP, type OperatorContext, type Receiver, type StateCatalogEntry } from './operator.ts'
import { RecordContext } from './process-context.ts'
import type { Collector, KeyedContext, OpenContext, TimerFired, Timers } from './process-function.ts'
import { type TimeDomain, TimerService, timerCells } from './timer-service.ts'

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
  readonly open: ((context: OpenContext) => void | Promise<void>) | null
  readonly close: (() => void | Promise<void>) | null
}

class KeyedRecordContext extends RecordContext<never> implements KeyedContext<unknown, StateDescriptors>, Timers {
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

/** Runs a keyed function with one or two inputs. */
export class KeyedProcessOperator extends BaseOperator<never> {
  readonly inputs: readonly Receiver<never>[]
  readonly #function: KeyedFunction
  #states!: KeyedStates
  #timers: TimerService | null = null
  #record!: KeyedRecordContext
  #time!: StateTime

  constructor(keyedFunction: KeyedFunction) {
    super()
    this.#function = keyedFunction
    const [only] = keyedFunction.inputs
    if (keyedFunction.inputs.length === 1 && only !== undefined) this.inputs = [new OnlyInput(this, only)]
    else {
      const take = keyedFunction.inputs.map(
        (input) => (value: never, timestamp: number) => this.process(input, value, timestamp),
      )
      this.inputs = new InputGate(take, this).receivers
    }
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    const { state, onTimer } = this.#function
    const time = new StateTime(context.clock)
    const declared = declareCells(state, time)
    const cells = onTimer === null ? declared : [...declared, ...timerCells]
    const states = new KeyedStates(context.uid, context.maxParallelism, cells)
    this.#states = states
    if (onTimer !== null) {
      this.#timers = new TimerService(
        states,
        declared.length,
        (slot, timeMs, domain) => this.#onTimer(slot, timeMs, domain),
        (timeMs, callback) => context.schedule(timeMs, callback),
        () => context.clock.now(),
      )
    }
    this.#record = new KeyedRecordContext(
      context,
      states,
      createHandles(state, states, time),
      this.#timers,
      this.#function.broadcast?.() ?? {},
    )
    time.record = this.#record
    this.#time = time
  }

  override get catalog(): readonly StateCatalogEntry[] {
    return this.#states.catalog
  }

  override restore(entry: StateEntry): void {
    const key = decodeKey(Buffer.from(entry.key.buffer, entry.key.byteOffset, entry.key.length))
    if (!this.#states.restore(entry, key)) super.restore(entry)
  }

  override async open(): Promise<void> {
    this.#states.dropExpired()
    this.#timers?.open()
    await this.#function.open?.(openContext(this.context))
  }

  override close(): void | Promise<void> {
    return this.#function.close?.()
  }

  process(input: KeyedInput, value: never, timestamp: number): void {
    const record = this.#record
    try {
      this.#states.current = this.#states.table.slot(input.key(value))
      record.timestamp = timestamp
      input.onRecord(value, record as never, record)
    } catch (cause) {
      throw this.failed(cause)
    }
  }

  /** Visits every key that something is kept for. */
  forEachKey(visit: (context: KeyedContext<never, never>) => void): void {
    for (const slot of [...this.#states.table.slots()]) {
      this.#states.current = slot
      this.#record.timestamp = NO_TIMESTAMP
      visit(this.#record as never)
    }
  }

  override onWatermark(watermark: number): void {
    // Timers see the watermark that fires them.
    this.#record.watermark = watermark
    this.#timers?.onWatermark(watermark)
    this.#time.advanceEvent(watermark)
    this.out.onWatermark(watermark)
  }

  override onBarrier(epoch: number): void {
    this.#states.collect(this.context.delta.changes)
    this.out.onBarrier(epoch)
  }

  override onEnd(): void {
    this.#timers?.onEnd()
    this.out.onEnd()
  }

  #onTimer(slot: KeySlot<Cells>, timeMs: number, domain: TimeDomain): void {
    const record = this.#record
    this.#states.current = slot
    record.timestamp = domain === 'event' ? timeMs : NO_TIMESTAMP
    this.#time.advanceEvent(record.timestamp)
    try {
      this.#function.onTimer?.({ timeMs, domain }, record as never, record)
    } catch (cause) {
      throw this.failed(cause)
    }
  }
}

/** The input of an operator that has one: straight to the function, without a gate. */
class OnlyInput implements Receiver<never> {
  readonly #operator: KeyedProcessOperator
  readonly #input: KeyedInput

  constructor(operator: KeyedProcessOperator, input: KeyedInput) {
    this.#operator = operator
    this.#input = input
  }

  onRecord(value: never, timestamp: number): void {
    this.#operator.process(this.#input, value, timestamp)
  }
  onWatermark(watermark: number): void {
    this.#operator.onWatermark(watermark)
  }
  onIdle(idle: boolean): void {
    this.#operator.onIdle(idle)
  }
  onBarrier(epoch: number): void {
    this.#operator.onBarrier(epoch)
  }
  onEnd(): void {
    this.#operator.onEnd()
  }
}
