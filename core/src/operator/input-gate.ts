import { WatermarkMerger } from '../time/watermark-merger.ts'
import type { RoundMark } from './loop/round.ts'
import { RoundAlignment } from './loop/round-alignment.ts'
import { MAX_WATERMARK, type Receiver } from './operator.ts'
import type { Signal, SignalValue } from './signal/signal.ts'
import { SignalCombiner, type StoredCombination } from './signal/signal-combiner.ts'

/** What an operator with several inputs does with the control elements, once they are merged. */
export interface GateTarget {
  onWatermark(watermark: number): void
  onIdle(idle: boolean): void
  onBarrier(epoch: number): void
  onRound(mark: RoundMark): void
  onSignal(signal: Signal, value: SignalValue): void
  onEnd(): void
}

/** An element that came behind a barrier which other inputs have not seen yet. */
type Held = () => void

/**
 * The inputs of an operator that has several: the least watermark of those that are not idle, one barrier when all have
 * it, the end when all have ended. What comes on an input behind its barrier waits until the barrier has come on the
 * others, so that the snapshot holds exactly what was before it.
 */
export class InputGate {
  readonly receivers: readonly Receiver<never>[]
  readonly rounds: RoundAlignment
  readonly #target: GateTarget
  readonly #merger: WatermarkMerger
  readonly #inputs: GateInput[]
  readonly #timeless: ReadonlySet<number>
  #signals: SignalCombiner | null = null
  #idle = false
  #ended = 0
  #arrived = 0

  /**
   * `onRecord` holds, for each input, what takes its records. An input that is `timeless` has no say in how far event time
   * has come.
   */
  constructor(
    onRecord: readonly ((value: never, timestamp: number) => void)[],
    target: GateTarget,
    timeless: readonly number[] = [],
  ) {
    this.#target = target
    this.#merger = new WatermarkMerger(onRecord.length)
    this.rounds = new RoundAlignment(onRecord.length)
    this.#timeless = new Set(timeless)
    for (const input of timeless) this.#merger.setIdle(input, true)
    this.#inputs = onRecord.map(
      (take, index) => new GateInput(this, index, take as (value: unknown, timestamp: number) => void),
    )
    this.receivers = this.#inputs as unknown as Receiver<never>[]
  }

  /** The signals that can come on each input. */
  expect(brought: readonly (readonly Signal[])[]): void {
    this.#signals = new SignalCombiner(brought, (signal, value) => this.#target.onSignal(signal, value))
  }

  snapshotSignals(): StoredCombination | null {
    return this.#signals?.snapshot() ?? null
  }

  restoreSignals(stored: StoredCombination): void {
    this.#signals?.restore(stored)
  }

  onSignal(input: number, signal: Signal, value: SignalValue): void {
    this.#signals?.onSignal(input, signal, value)
  }

  /** No record will come on it any more. */
  onLastRecord(input: number): void {
    this.#signals?.onEnd(input, 1)
  }

  onWatermark(input: number, watermark: number): void {
    if (watermark === MAX_WATERMARK) {
      // Before time goes on: what rounds and signals wait for is there now.
      this.#pass(this.rounds.onEnd(input))
      this.onLastRecord(input)
    }
    if (this.#timeless.has(input)) return
    if (this.#merger.update(input, watermark)) this.#target.onWatermark(this.#merger.watermark)
  }

  onRound(input: number, mark: RoundMark): void {
    this.#pass(this.rounds.onMark(input, mark))
  }

  #pass(mark: RoundMark | null): void {
    if (mark !== null) this.#target.onRound(mark)
  }

  onIdle(input: number, idle: boolean): void {
    this.#signals?.onIdle(input, idle)
    if (this.#timeless.has(input)) return
    if (this.#merger.setIdle(input, idle)) this.#target.onWatermark(this.#merger.watermark)
    if (this.#merger.idle === this.#idle) return
    this.#idle = this.#merger.idle
    this.#target.onIdle(this.#idle)
  }

  onBarrier(epoch: number): void {
    this.#arrived++
    if (this.#arrived < this.#inputs.length) return
    this.#arrived = 0
    this.#target.onBarrier(epoch)
    for (const input of this.#inputs) input.release()
  }

  onEnd(input: number): void {
    this.#signals?.onEnd(input, 2)
    this.#ended++
    if (this.#ended === this.#inputs.length) this.#target.onEnd()
  }
}

class GateInput implements Receiver<unknown> {
  readonly #gate: InputGate
  readonly #index: number
  readonly #take: (value: unknown, timestamp: number) => void
  #blocked = false
  #held: Held[] = []

  constructor(gate: InputGate, index: number, take: (value: unknown, timestamp: number) => void) {
    this.#gate = gate
    this.#index = index
    this.#take = take
  }

  onRecord(value: unknown, timestamp: number): void {
    if (this.#blocked) this.#held.push(() => this.#take(value, timestamp))
    else this.#take(value, timestamp)
  }

  onWatermark(watermark: number): void {
    this.#control(() => this.#gate.onWatermark(this.#index, watermark))
  }

  onIdle(idle: boolean): void {
    this.#control(() => this.#gate.onIdle(this.#index, idle))
  }

  onBarrier(epoch: number): void {
    this.#control(() => {
      this.#blocked = true
      this.#gate.onBarrier(epoch)
    })
  }

  onRound(mark: RoundMark): void {
    this.#control(() => this.#gate.onRound(this.#index, mark))
  }

  onSignal(signal: Signal, value: SignalValue): void {
    this.#control(() => this.#gate.onSignal(this.#index, signal, value))
  }

  onEnd(): void {
    this.#control(() => this.#gate.onEnd(this.#index))
  }

  /** Lets out what was held, up to the next barrier on this input. */
  release(): void {
    this.#blocked = false
    const held = this.#held
    this.#held = []
    for (let at = 0; at < held.length; at++) {
      if (this.#blocked) this.#held.push(held[at] as Held)
      else (held[at] as Held)()
    }
  }

  #control(element: Held): void {
    if (this.#blocked) this.#held.push(element)
    else element()
  }
}
