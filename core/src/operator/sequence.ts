import { BaseOperator } from './base-operator.ts'
import { InputGate } from './input-gate.ts'
import type { RoundMark } from './loop/round.ts'
import { MAX_WATERMARK, type OperatorContext, type Receiver } from './operator.ts'
import type { Signal, SignalValue } from './signal/signal.ts'
import type { StartGate } from './start-gate.ts'

/** Which input is which: the stream that comes first, the end of it at all tasks, the stream that follows. */
export const FIRST = 0
export const END = 1
const SECOND = 2

/**
 * One stream after another one that ends. Its end is known by the final watermark, which comes from every task through a broadcast
 * edge that no record travels on; only then does the second stream begin to be read (`StartGate`), so that no record of it is
 * processed before one of the first, by any task.
 */
export class SequenceOperator<T> extends BaseOperator<T> {
  readonly inputs: readonly Receiver<never>[]
  readonly #gate: StartGate
  /** Of the first stream: the end here, and that at all tasks. */
  #ended = 0
  /** Of the stream that is being read. */
  #isIdle = false

  constructor(gate: StartGate) {
    super()
    this.#gate = gate
    const take = (value: T, timestamp: number): void => this.out.onRecord(value, timestamp)
    this.gate = new InputGate([take, () => {}, take], this, [FIRST, END, SECOND])
    this.inputs = this.gate.receivers.map(
      (receiver, input) => new SequenceInput(receiver, this, input),
    ) as Receiver<never>[]
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#gate.close(context.index)
  }

  /**
   * Time is that of the first stream until that has ended everywhere, then that of the second. The end can be known before this task
   * has got all that is on its way to it.
   */
  onInputWatermark(input: number, watermark: number): void {
    const { index } = this.context
    if (watermark === MAX_WATERMARK) this.gate?.onLastRecord(input)
    if (input === SECOND) {
      if (this.#gate.isOpen(index)) this.out.onWatermark(watermark)
    } else if (watermark !== MAX_WATERMARK) {
      if (input === FIRST) this.out.onWatermark(watermark)
    } else if (++this.#ended === 2) {
      this.#gate.open(index)
      this.onInputIdle(SECOND, false)
    }
  }

  onInputIdle(input: number, idle: boolean): void {
    if (input !== (this.#gate.isOpen(this.context.index) ? SECOND : FIRST) || idle === this.#isIdle) return
    this.#isIdle = idle
    this.out.onIdle(idle)
  }
}

/** Hands time to the operator, all else to the gate of its inputs. Between the barriers of its inputs nothing comes. */
class SequenceInput<T> implements Receiver<T> {
  readonly #receiver: Receiver<never>
  readonly #operator: SequenceOperator<T>
  readonly #input: number

  constructor(receiver: Receiver<never>, operator: SequenceOperator<T>, input: number) {
    this.#receiver = receiver
    this.#operator = operator
    this.#input = input
  }

  onRecord(value: T, timestamp: number): void {
    this.#receiver.onRecord(value as never, timestamp)
  }
  onWatermark(watermark: number): void {
    this.#operator.onInputWatermark(this.#input, watermark)
  }
  onIdle(idle: boolean): void {
    this.#operator.onInputIdle(this.#input, idle)
  }
  onBarrier(epoch: number): void {
    this.#receiver.onBarrier(epoch)
  }
  onRound(mark: RoundMark): void {
    this.#receiver.onRound(mark)
  }
  onSignal(signal: Signal, value: SignalValue): void {
    this.#receiver.onSignal(signal, value)
  }
  onEnd(): void {
    this.#receiver.onEnd()
  }
}
