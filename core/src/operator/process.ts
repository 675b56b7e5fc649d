import { BaseOperator, OneInputOperator } from './base-operator.ts'
import { InputGate } from './input-gate.ts'
import type { OperatorContext, Receiver } from './operator.ts'
import { RecordContext } from './process-context.ts'
import type { CoProcessFunction, ProcessFunction } from './process-function.ts'

export class ProcessOperator<In, Out> extends OneInputOperator<In, Out> {
  readonly #function: ProcessFunction<In, Out>
  #record!: RecordContext<Out>

  constructor(processFunction: ProcessFunction<In, Out>) {
    super()
    this.#function = processFunction
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#record = new RecordContext(context)
  }

  override open(): void | Promise<void> {
    return this.#function.open?.({ index: this.context.index, parallelism: this.context.parallelism })
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
    this.#record.watermark = watermark
    super.onWatermark(watermark)
  }

  override onEnd(): void {
    try {
      this.#function.onEnd?.(this.#record)
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

  constructor(processFunction: CoProcessFunction<Left, Right, Out>) {
    super()
    this.#function = processFunction
    this.inputs = new InputGate([this.#onLeft, this.#onRight], this).receivers
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#record = new RecordContext(context)
  }

  override open(): void | Promise<void> {
    return this.#function.open?.({ index: this.context.index, parallelism: this.context.parallelism })
  }

  override close(): void | Promise<void> {
    return this.#function.close?.()
  }

  override onWatermark(watermark: number): void {
    this.#record.watermark = watermark
    super.onWatermark(watermark)
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
