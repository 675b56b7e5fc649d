import type { KeyedInput } from './keyed-function.ts'
import type { KeyedProcessOperator } from './keyed-process.ts'
import type { RoundMark } from './loop/round.ts'
import type { Receiver } from './operator.ts'
import type { Signal, SignalValue } from './signal/signal.ts'

/** The input of a keyed operator that has one: straight to the function, without a gate. */
export class OnlyInput implements Receiver<never> {
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
  onRound(mark: RoundMark): void {
    this.#operator.onRound(mark)
  }
  onSignal(signal: Signal, value: SignalValue): void {
    this.#operator.onSignal(signal, value)
  }
  onEnd(): void {
    this.#operator.onEnd()
  }
}
