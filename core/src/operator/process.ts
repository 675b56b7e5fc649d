import type { NoState, StateHandles } from '../state/keyed/descriptor.ts'
import { BaseOperator, OneInputOperator } from './base-operator.ts'
import { InputGate } from './input-gate.ts'
import { endsRound, type Round, type RoundMark } from './loop/round.ts'
import { openContext } from './open-context.ts'
import { NO_TIMESTAMP, type OperatorContext, type Receiver } from './operator.ts'
import type { OperatorListDescriptor, OperatorListDescriptors } from './operator-list.ts'
import type { OperatorState } from './operator-state.ts'
import { OperatorStates } from './operator-states.ts'
import { RecordContext } from './process-context.ts'
import type { CoProcessFunction, ProcessFunction, TaskContext } from './process-function.ts'
import { FunctionSignals, type SignalUse } from './signal/function-signals.ts'
import type { Signal, SignalValue } from './signal/signal.ts'

/** The context of a function without keys. */
class TaskRecordContext<Out> extends RecordContext<Out> implements TaskContext {
  readonly operatorState: StateHandles<NoState>

  constructor(operator: OperatorContext, operatorState: StateHandles<NoState>) {
    super(operator)
    this.operatorState = operatorState
  }
}

export class ProcessOperator<In, Out> extends OneInputOperator<In, Out> {
  readonly #function: ProcessFunction<In, Out>
  #states: OperatorStates<OperatorListDescriptors> | null = null
  #record!: TaskRecordContext<Out>

  readonly #use: SignalUse

  constructor(processFunction: ProcessFunction<In, Out>, use: SignalUse) {
    super()
    this.#function = processFunction
    this.#use = use
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    const lists = this.#function.operatorState
    if (lists !== undefined) {
      this.#states = new OperatorStates(context.uid, lists as OperatorListDescriptors, (descriptor) => {
        return (descriptor as unknown as OperatorListDescriptor<unknown>).redistribute
      })
    }
    this.#record = new TaskRecordContext(context, this.#states?.handles ?? {})
    this.signals = FunctionSignals.of(context, this.#use)
    this.#record.signals = this.signals
  }

  override restoreOperatorState(state: OperatorState): void {
    this.#states?.restore(state)
  }

  override open(): void | Promise<void> {
    return this.#function.open?.({ ...openContext(this.context), operatorState: this.#states?.handles ?? {} })
  }

  override close(): void | Promise<void> {
    return this.#function.close?.()
  }

  onRecord(value: In, timestamp: number): void {
    const record = this.#record
    record.timestamp = timestamp
    try {
      this.#function.onRecord(value, record, record)
    } catch (cause) {
      throw this.failed(cause)
    }
  }

  override onWatermark(watermark: number): void {
    const record = this.#record
    record.watermark = watermark
    if (this.#function.onWatermark !== undefined) {
      record.timestamp = watermark
      try {
        this.#function.onWatermark(watermark, record, record)
      } catch (cause) {
        throw this.failed(cause)
      }
    }
    super.onWatermark(watermark)
  }

  protected override onRoundStart(round: Round): void {
    this.#record.round = round
  }

  override onRound(mark: RoundMark): void {
    this.noteRound(mark)
    const record = this.#record
    record.timestamp = NO_TIMESTAMP
    try {
      if (endsRound(mark)) this.#function.onRoundEnd?.(record, record)
      else if (mark.kind === 'over') this.#function.onTermination?.(record, record)
    } catch (cause) {
      throw this.failed(cause)
    }
    this.out.onRound(mark)
  }

  override onSignal(signal: Signal, value: SignalValue): void {
    const record = this.#record
    record.timestamp = NO_TIMESTAMP
    this.receiveSignal(signal, value, (received) => this.#function.onSignal?.(received, record, record))
  }

  override onBarrier(epoch: number): void {
    if (this.#states !== null) this.context.delta.setOperatorState(this.context.uid, this.#states.snapshot())
    super.onBarrier(epoch)
  }

  override onEnd(): void {
    try {
      this.#function.onEnd?.(this.#record, this.#record)
    } catch (cause) {
      throw this.failed(cause)
    }
    super.onEnd()
  }
}

export class CoProcessOperator<Left, Right, Out> extends BaseOperator<Out> {
  readonly inputs: readonly Receiver<never>[]
  readonly #function: CoProcessFunction<Left, Right, Out>
  #record!: RecordContext<Out>

  readonly #use: SignalUse

  constructor(processFunction: CoProcessFunction<Left, Right, Out>, use: SignalUse) {
    super()
    this.#function = processFunction
    this.#use = use
    this.gate = new InputGate([this.#onLeft, this.#onRight], this)
    this.inputs = this.gate.receivers
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#record = new RecordContext(context)
    this.signals = FunctionSignals.of(context, this.#use)
    this.#record.signals = this.signals
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

  protected override onRoundStart(round: Round): void {
    this.#record.round = round
  }

  override onRound(mark: RoundMark): void {
    this.noteRound(mark)
    const record = this.#record
    record.timestamp = NO_TIMESTAMP
    try {
      if (endsRound(mark)) this.#function.onRoundEnd?.(record, record)
      else if (mark.kind === 'over') this.#function.onTermination?.(record, record)
    } catch (cause) {
      throw this.failed(cause)
    }
    this.out.onRound(mark)
  }

  override onSignal(signal: Signal, value: SignalValue): void {
    const record = this.#record
    record.timestamp = NO_TIMESTAMP
    this.receiveSignal(signal, value, (received) => this.#function.onSignal?.(received, record, record))
  }

  readonly #onLeft = (value: Left, timestamp: number): void => {
    this.#record.timestamp = timestamp
    try {
      this.#function.onLeft(value, this.#record, this.#record)
    } catch (cause) {
      throw this.failed(cause)
    }
  }

  readonly #onRight = (value: Right, timestamp: number): void => {
    this.#record.timestamp = timestamp
    try {
      this.#function.onRight(value, this.#record, this.#record)
    } catch (cause) {
      throw this.failed(cause)
    }
  }
}
