import { MAX_WATERMARK, MIN_WATERMARK, type Receiver } from '../operator/operator.ts'
import type { Signal, SignalValue } from '../operator/signal/signal.ts'
import { SignalCombiner, type StoredCombination } from '../operator/signal/signal-combiner.ts'
import { WatermarkMerger } from '../time/watermark-merger.ts'

/**
 * The head of the chains behind one input of a region: merges the watermarks and the signals of its channels (partitions,
 * splits or upstream tasks) and injects barriers.
 */
export class SourceHead {
  readonly receiver: Receiver<unknown>
  /** It brings what a loop sends back to its head, and says nothing of time and end. */
  readonly isFeedback: boolean
  readonly #merger: WatermarkMerger
  readonly #signals: SignalCombiner | null
  readonly #ended: boolean[]
  #live: number
  #watermark = MIN_WATERMARK
  #idle = false
  /** It has no channel yet, and may get one. */
  #isWaiting = false

  /** `signals` are those that can come on its channels. */
  constructor(receiver: Receiver<unknown>, channels: number, isFeedback = false, signals: readonly Signal[] = []) {
    this.receiver = receiver
    this.#signals =
      signals.length === 0
        ? null
        : new SignalCombiner(new Array(channels).fill(signals), (signal, value) => receiver.onSignal(signal, value))
    this.isFeedback = isFeedback
    this.#merger = new WatermarkMerger(channels)
    this.#ended = new Array<boolean>(channels).fill(false)
    this.#live = channels
  }

  get watermark(): number {
    return this.#watermark
  }

  /** True when every channel has ended; the final watermark is out then. */
  get ended(): boolean {
    return this.#live === 0 && !this.#isWaiting
  }

  isEnded(channel: number): boolean {
    return this.#ended[channel] ?? false
  }

  /** Returns true when the merged watermark moved. */
  onWatermark(channel: number, watermark: number): boolean {
    // The task that writes may have other inputs, and end only with them.
    if (watermark === MAX_WATERMARK) this.#signals?.onEnd(channel, 1)
    if (!this.#merger.update(channel, watermark)) return false
    return this.#forward()
  }

  onSignal(channel: number, signal: Signal, value: SignalValue): void {
    this.#signals?.onSignal(channel, signal, value)
  }

  /** What was told last of a signal; null before anything was. */
  told(signal: Signal): SignalValue | null {
    return this.#signals?.told(signal) ?? null
  }

  snapshotSignals(): StoredCombination | null {
    return this.#signals?.snapshot() ?? null
  }

  restoreSignals(stored: StoredCombination): void {
    this.#signals?.restore(stored)
  }

  onIdle(channel: number, idle: boolean): boolean {
    this.#signals?.onIdle(channel, idle)
    const changed = this.#merger.setIdle(channel, idle)
    const moved = changed && this.#forward()
    if (this.#merger.idle !== this.#idle) {
      this.#idle = this.#merger.idle
      this.receiver.onIdle(this.#idle)
      return true
    }
    return moved
  }

  onEnd(channel: number): void {
    if (this.#ended[channel]) return
    this.#ended[channel] = true
    this.#live--
    this.#signals?.onEnd(channel, 2)
    this.onIdle(channel, false)
    this.onWatermark(channel, MAX_WATERMARK)
  }

  /** For a task that has no channel of this source yet: nobody waits for it. */
  waitEmpty(): void {
    this.#isWaiting = true
    this.#idle = true
    this.receiver.onIdle(true)
  }

  /** For a task that has no channel of this source, and will get none. */
  endEmpty(): void {
    this.#isWaiting = false
    this.#watermark = MAX_WATERMARK
    this.receiver.onWatermark(MAX_WATERMARK)
  }

  #forward(): boolean {
    const merged = this.#merger.watermark
    if (merged <= this.#watermark) return false
    this.#watermark = merged
    this.receiver.onWatermark(merged)
    return true
  }
}
