/**
 * The watermark behind several channels: the least of those that are not idle. It never goes back: a channel that was
 * idle and is behind when it wakes holds the watermark where it is.
 */
export class WatermarkMerger {
  readonly #watermarks: Float64Array
  readonly #idle: Uint8Array
  #active: number
  #merged = Number.NEGATIVE_INFINITY

  constructor(channels: number) {
    this.#watermarks = new Float64Array(channels).fill(Number.NEGATIVE_INFINITY)
    this.#idle = new Uint8Array(channels)
    this.#active = channels
  }

  get watermark(): number {
    return this.#merged
  }

  /** True when every channel is idle: then nobody is to wait for this one either. */
  get idle(): boolean {
    return this.#active === 0 && this.#idle.length > 0
  }

  /** Notes a channel's watermark; true when the merged one rose. */
  update(channel: number, watermark: number): boolean {
    if (watermark <= (this.#watermarks[channel] as number)) return false
    this.#watermarks[channel] = watermark
    return this.#merge()
  }

  /** Notes whether a channel is idle; true when the merged watermark rose, since nobody waits for the channel any more. */
  setIdle(channel: number, idle: boolean): boolean {
    if ((this.#idle[channel] === 1) === idle) return false
    this.#idle[channel] = idle ? 1 : 0
    this.#active += idle ? -1 : 1
    return this.#merge()
  }

  #merge(): boolean {
    // When all are idle the furthest one tells: the others would have been behind it only for lack of records.
    const none = this.#active === 0
    let merged = none ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
    for (let channel = 0; channel < this.#watermarks.length; channel++) {
      const watermark = this.#watermarks[channel] as number
      if (none) merged = Math.max(merged, watermark)
      else if (this.#idle[channel] === 0) merged = Math.min(merged, watermark)
    }
    if (merged <= this.#merged || this.#watermarks.length === 0) return false
    this.#merged = merged
    return true
  }
}
