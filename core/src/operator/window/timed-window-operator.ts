import { ClockAlarm } from '../clock-alarm.ts'
import type { OperatorContext } from '../operator.ts'
import type { TimeDomain } from '../timer-service.ts'
import { WindowingOperator, type WindowingOptions } from './windowing-operator.ts'

/** What operators share whose windows fire when time has passed their end: by the watermark, by the clock, and at the end. */
export abstract class TimedWindowOperator extends WindowingOperator {
  protected readonly allowedLatenessMs: number
  /** The last firings: nothing is kept for records that come late. */
  protected isEnding = false
  readonly #domain: TimeDomain
  #alarm!: ClockAlarm

  constructor(options: WindowingOptions, domain: TimeDomain) {
    super(options, domain)
    this.#domain = domain
    this.allowedLatenessMs = options.allowedLatenessMs
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#alarm = new ClockAlarm(
      (timeMs, callback) => context.schedule(timeMs, callback),
      () => this.#onClock(),
    )
  }

  override onWatermark(watermark: number): void {
    if (this.cached !== null) {
      this.watermarkCached(this.cached, watermark)
      return
    }
    this.watermark = watermark
    if (this.isEventTime) this.advance(watermark)
    this.out.onWatermark(watermark)
  }

  override onEnd(): void {
    // The clock will not come to the end of open windows any more.
    const begin = (): number => {
      this.isEnding = true
      return Number.POSITIVE_INFINITY
    }
    const end = (): void => {
      this.#alarm.cancel()
      this.out.onEnd()
    }
    if (this.cached !== null) this.cached.advance(this.#domain, begin, end)
    else {
      this.advance(begin())
      end()
    }
  }

  /** Fires and clears what is due up to and including this time. */
  protected abstract advance(upToMs: number): void

  /** When something is due next, of windows that are all on the heap. */
  protected abstract get nextDueMs(): number

  /** When the clock makes something due: what is due at a time of the clock is done a millisecond later, it belongs to the window. */
  protected get nextClockMs(): number {
    return this.cached === null ? this.nextDueMs + 1 : this.cached.nextClockMs
  }

  protected wakeUp(): void {
    if (this.isEventTime || this.isEnding) return
    const nextMs = this.nextClockMs
    if (nextMs < Number.POSITIVE_INFINITY) this.#alarm.set(nextMs)
  }

  #onClock(): void {
    const { clock } = this.context
    if (this.cached !== null) {
      this.cached.advance(
        'processing',
        () => clock.now(),
        () => this.wakeUp(),
      )
      return
    }
    this.advance(clock.now() - 1)
    this.wakeUp()
  }
}
