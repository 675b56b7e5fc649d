import type { StateEntry } from '../state/backend.ts'
import type { StateDescriptors, StateHandles } from '../state/keyed/descriptor.ts'
import { BaseOperator } from './base-operator.ts'
import { InputGate } from './input-gate.ts'
import type { VisitKey } from './key-visits.ts'
import type { KeyedFunction, KeyedInput } from './keyed-function.ts'
import { KeyedProcessOperator } from './keyed-process.ts'
import { endsRound, type Round, type RoundMark } from './loop/round.ts'
import { openContext } from './open-context.ts'
import {
  NO_TIMESTAMP,
  type OperatorContext,
  type PendingWork,
  type Receiver,
  type StateCatalogEntry,
} from './operator.ts'
import type { OperatorState } from './operator-state.ts'
import { OperatorStates } from './operator-states.ts'
import { RecordContext } from './process-context.ts'
import type { BroadcastContext, BroadcastProcessFunction, Collector } from './process-function.ts'
import { FunctionSignals, type SignalUse } from './signal/function-signals.ts'
import type { ReceivedSignal, Signal, SignalValue } from './signal/signal.ts'

/** The input of what is broadcast; it has no say in how far event time has come, since it may be silent for long. */
const BROADCAST_INPUT = 1

class SharedRecordContext extends RecordContext<never> {
  readonly broadcast: StateHandles<StateDescriptors>

  constructor(operator: OperatorContext, broadcast: StateHandles<StateDescriptors>) {
    super(operator)
    this.broadcast = broadcast
  }
}

function broadcastStates(uid: string, shared: StateDescriptors): OperatorStates<StateDescriptors> {
  return new OperatorStates(uid, shared, () => 'broadcast')
}

/** A function over a stream without keys and a broadcast one. */
export class BroadcastProcessOperator extends BaseOperator<never> {
  readonly inputs: readonly Receiver<never>[]
  readonly #function: BroadcastProcessFunction<unknown, unknown, unknown, StateDescriptors>
  readonly #shared: StateDescriptors
  readonly #use: SignalUse
  #states!: OperatorStates<StateDescriptors>
  #record!: SharedRecordContext

  constructor(
    processFunction: BroadcastProcessFunction<unknown, unknown, unknown, StateDescriptors>,
    shared: StateDescriptors,
    use: SignalUse,
  ) {
    super()
    this.#use = use
    this.#function = processFunction
    this.#shared = shared
    this.gate = new InputGate([this.#onRecord, this.#onBroadcast], this, [BROADCAST_INPUT])
    this.inputs = this.gate.receivers
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#states = broadcastStates(context.uid, this.#shared)
    this.#record = new SharedRecordContext(context, this.#states.handles)
    this.signals = FunctionSignals.of(context, this.#use)
    this.#record.signals = this.signals
  }

  override restoreOperatorState(state: OperatorState): void {
    this.#states.restore(state)
  }

  override open(): void | Promise<void> {
    return this.#function.open?.(openContext(this.context))
  }

  override close(): void | Promise<void> {
    return this.#function.close?.()
  }

  override onWatermark(watermark: number): void {
    this.#record.watermark = watermark
    super.onWatermark(watermark)
  }

  override onBarrier(epoch: number): void {
    this.context.delta.setOperatorState(this.context.uid, this.#states.snapshot())
    super.onBarrier(epoch)
  }

  protected override onRoundStart(round: Round): void {
    this.#record.round = round
  }

  override onRound(mark: RoundMark): void {
    this.noteRound(mark)
    const record = this.#record as never
    this.#record.timestamp = NO_TIMESTAMP
    try {
      if (endsRound(mark)) this.#function.onRoundEnd?.(record, record)
      else if (mark.kind === 'over') this.#function.onTermination?.(record, record)
    } catch (cause) {
      throw this.failed(cause)
    }
    this.out.onRound(mark)
  }

  override onSignal(signal: Signal, value: SignalValue): void {
    const record = this.#record as never
    this.#record.timestamp = NO_TIMESTAMP
    this.receiveSignal(signal, value, (received) => this.#function.onSignal?.(received, record, record))
  }

  readonly #onRecord = (value: unknown, timestamp: number): void => {
    this.#record.timestamp = timestamp
    try {
      this.#function.onRecord(value, this.#record as never, this.#record as unknown as Collector<unknown>)
    } catch (cause) {
      throw this.failed(cause)
    }
  }

  readonly #onBroadcast = (value: unknown, timestamp: number): void => {
    this.#record.timestamp = timestamp
    try {
      this.#function.onBroadcast(value, this.#record, this.#record as unknown as Collector<unknown>)
    } catch (cause) {
      throw this.failed(cause)
    }
  }
}

export interface KeyedBroadcastFunction {
  readonly keyed: Omit<KeyedFunction, 'inputs' | 'broadcast'>
  readonly input: KeyedInput
  readonly shared: StateDescriptors
  readonly onBroadcast: (
    value: never,
    context: BroadcastContext<never, never, StateDescriptors>,
    out: Collector<never>,
  ) => void
  readonly onRoundEnd: RoundHandler | null
  readonly onTermination: RoundHandler | null
  readonly onSignal:
    | ((
        signal: ReceivedSignal,
        context: BroadcastContext<never, never, StateDescriptors>,
        out: Collector<never>,
      ) => void)
    | null
}

type RoundHandler = (context: BroadcastContext<never, never, StateDescriptors>, out: Collector<never>) => void

/** The context of what is broadcast: it has no key of its own, but may visit those of the task. */
class VisitingContext extends SharedRecordContext implements BroadcastContext<never, never, StateDescriptors> {
  readonly #keyed: KeyedProcessOperator

  constructor(operator: OperatorContext, broadcast: StateHandles<StateDescriptors>, keyed: KeyedProcessOperator) {
    super(operator, broadcast)
    this.#keyed = keyed
  }

  readonly forEachKey = (visit: VisitKey, done?: () => void): void => this.#keyed.visits.ask(visit, done)
}

/** A keyed function beside which a broadcast stream keeps state that all keys see. */
export class KeyedBroadcastProcessOperator extends BaseOperator<never> {
  readonly inputs: readonly Receiver<never>[]
  readonly #function: KeyedBroadcastFunction
  readonly #keyed: KeyedProcessOperator
  #states!: OperatorStates<StateDescriptors>
  #record!: VisitingContext

  constructor(broadcastFunction: KeyedBroadcastFunction) {
    super()
    this.#function = broadcastFunction
    this.#keyed = new KeyedProcessOperator({
      ...broadcastFunction.keyed,
      inputs: [broadcastFunction.input],
      broadcast: () => this.#states.handles,
      onSignal: (received) => this.#hear(received),
    })
    const [keyedInput] = this.#keyed.inputs as readonly [Receiver<never>]
    this.gate = new InputGate([(value, timestamp) => keyedInput.onRecord(value, timestamp), this.#onBroadcast], this, [
      BROADCAST_INPUT,
    ])
    this.inputs = this.gate.receivers
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#states = broadcastStates(context.uid, this.#function.shared)
    this.#keyed.setup(context)
    this.#record = new VisitingContext(context, this.#states.handles, this.#keyed)
    // One for both kinds of records: the keyed function's.
    this.#record.signals = this.#keyed.functionSignals
  }

  override get catalog(): readonly StateCatalogEntry[] {
    return this.#keyed.catalog
  }

  override get pending(): PendingWork | null {
    return this.#keyed.pending
  }

  override restoresAtStart(state: string): boolean {
    return this.#keyed.restoresAtStart(state)
  }

  override restore(entry: StateEntry): void {
    this.#keyed.restore(entry)
  }

  override onApplied(epoch: number): void {
    this.#keyed.onApplied(epoch)
  }

  override restoreOperatorState(state: OperatorState): void {
    this.#states.restore(state)
  }

  override peek(key: unknown): object | undefined {
    return this.#keyed.peek(key)
  }

  override open(): Promise<void> {
    return this.#keyed.open()
  }

  override close(): void | Promise<void> {
    return this.#keyed.close()
  }

  override onWatermark(watermark: number): void {
    this.#keyed.control(() => {
      this.#record.watermark = watermark
      return true
    })
    this.#keyed.onWatermark(watermark)
  }

  override onIdle(idle: boolean): void {
    this.#keyed.onIdle(idle)
  }

  override onBarrier(epoch: number): void {
    this.context.delta.setOperatorState(this.context.uid, this.#states.snapshot())
    this.#keyed.onBarrier(epoch)
  }

  protected override onRoundStart(round: Round): void {
    this.#record.round = round
  }

  override onRound(mark: RoundMark): void {
    this.#keyed.visiting(() => {
      this.noteRound(mark)
      this.#record.timestamp = NO_TIMESTAMP
      if (endsRound(mark)) this.#function.onRoundEnd?.(this.#record, this.#record)
      else if (mark.kind === 'over') this.#function.onTermination?.(this.#record, this.#record)
    })
    this.#keyed.onRound(mark)
  }

  override onSignal(signal: Signal, value: SignalValue): void {
    this.#keyed.onSignal(signal, value)
  }

  #hear(received: ReceivedSignal): void {
    this.#record.timestamp = NO_TIMESTAMP
    this.#function.onSignal?.(received, this.#record, this.#record)
  }

  override snapshotSignals(): unknown {
    const [own, keyed] = [super.snapshotSignals(), this.#keyed.snapshotSignals()]
    return own === null && keyed === null ? null : { own, keyed }
  }

  override restoreSignals(stored: unknown): void {
    const { own, keyed } = stored as { readonly own: unknown; readonly keyed: unknown }
    if (own !== null) super.restoreSignals(own)
    if (keyed !== null) this.#keyed.restoreSignals(keyed)
  }

  override snapshotRounds(): unknown {
    const [own, keyed] = [super.snapshotRounds(), this.#keyed.snapshotRounds()]
    return own === null && keyed === null ? null : { own, keyed }
  }

  override restoreRounds(stored: unknown): void {
    const { own, keyed } = stored as { readonly own: unknown; readonly keyed: unknown }
    if (own !== null) super.restoreRounds(own)
    if (keyed !== null) this.#keyed.restoreRounds(keyed)
  }

  override onEnd(): void {
    this.#keyed.onEnd()
  }

  readonly #onBroadcast = (value: never, timestamp: number): void => {
    if (this.#keyed.isBounded) {
      this.#keyed.visiting(() => this.#take(value, timestamp))
      return
    }
    const { visits } = this.#keyed
    try {
      visits.begin()
      this.#take(value, timestamp)
      visits.run()
    } catch (cause) {
      throw this.failed(cause)
    }
  }

  #take(value: never, timestamp: number): void {
    this.#record.timestamp = timestamp
    this.#function.onBroadcast(value, this.#record, this.#record)
  }
}
