import { BaseOperator } from './base-operator.ts'
import { InputGate } from './input-gate.ts'
import type { Receiver } from './operator.ts'

/** Several streams of one type as one; its watermark is the least of theirs. */
export class UnionOperator<T> extends BaseOperator<T> {
  readonly inputs: readonly Receiver<never>[]

  constructor(inputs: number) {
    super()
    const take = (value: T, timestamp: number): void => this.out.onRecord(value, timestamp)
    this.gate = new InputGate(
      Array.from({ length: inputs }, () => take),
      this,
    )
    this.inputs = this.gate.receivers
  }
}
