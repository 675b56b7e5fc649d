import { MAX_WATERMARK, MIN_WATERMARK, type Receiver } from '../operator/operator.ts'
import { WatermarkMerger } from '../time/watermark-merger.ts'

/**
 * The head of the chains behind one input of a region: merges the watermarks of its channels (partitions, splits or
 * upstream tasks) and injects barriers.
 */
export class SourceHead {
  readonly receiver: Receiver<unknown>
  /** It brings what a loop sends back to its head, and says nothing of time and end. */
  readonly isFeedback: boolean
  readonly #merger: WatermarkMerger
  readonly #ended: boolean[]
  #live: number
  #watermark = MIN_WATERMARK
  #idle = false
  /** It has no channel yet, and may get one. */
  #isWaiting = false

  constructor(receiver: Receiver<unknown>, channels: number, isFeedback = false) {
    this.receiver = receiver
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
    if (!this.#merger.update(channel, watermark)) return false
    return this.#forward()
  }

  onIdle(channel: number, idle: boolean): boolean {
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
