import type { PollStatus, Source, SplitReader } from '../connector/source.ts'
import { StreamError } from '../errors.ts'
import { checkValue } from '../operator/signal/function-signals.ts'
import { backlog, type Signal, type SignalValue } from '../operator/signal/signal.ts'
import type { CancelTimer } from '../time/clock.ts'
import type { WatermarkGenerator, WatermarkStrategy } from '../time/watermark-strategy.ts'
import type { AlignedChannel } from './source-alignment.ts'
import type { SourceHead } from './source-head.ts'

/** Position of a split and its watermark, as kept with the epoch. */
export interface SplitPosition {
  readonly position: unknown
  readonly watermark: number
  readonly ended: boolean
}

export interface SplitInputOptions {
  readonly source: Source<unknown>
  readonly uid: string
  readonly split: number
  readonly channel: number
  readonly head: SourceHead
  readonly time: WatermarkStrategy<unknown> | null
  /** All of it is backlog. */
  readonly isBacklog: boolean
  readonly restored: SplitPosition | null
  readonly index: number
  readonly parallelism: number
  readonly now: () => number
  readonly setTimer: (delayMs: number, callback: () => void) => CancelTimer
  readonly onAvailable: () => void
  readonly aligned: AlignedChannel | null
}

/** One split of a source that is not a log topic. */
export class SplitInput {
  readonly uid: string
  readonly split: number
  readonly #options: SplitInputOptions
  readonly #reader: SplitReader<unknown, unknown>
  readonly #generator: WatermarkGenerator<unknown> | null
  readonly #emit: (value: unknown, timestamp: number) => void
  #ended: boolean
  #isCut = false
  #records = 0
  #isPolling = false
  /** Whether the current poll has given a signal. */
  #hasSignalled = false
  /** Clock time of the current poll. */
  #now = 0
  #lastRecordMs: number
  #idle = false

  constructor(options: SplitInputOptions) {
    const { source, split, restored, time, index, parallelism, now, setTimer, onAvailable, head } = options
    this.#options = options
    this.uid = options.uid
    this.split = split
    this.#ended = restored?.ended ?? false
    this.#lastRecordMs = now()
    const generator = time?.createGenerator() ?? null
    this.#generator = generator
    if (restored !== null) generator?.restore(restored.watermark)
    this.#reader = source.open(split, restored?.position ?? null, {
      index,
      parallelism,
      now,
      setTimer,
      onAvailable,
      emitSignal: (signal, value) => this.#signal(signal, value),
    })
    const receiver = head.receiver
    this.#emit =
      time === null || generator === null
        ? (value, timestamp) => {
            this.#records++
            receiver.onRecord(value, timestamp)
          }
        : (value, recordTime) => {
            this.#records++
            const timestamp = time.timestamp(value, recordTime, this.#now)
            receiver.onRecord(value, timestamp)
            generator.onEvent(timestamp, value)
          }
  }

  get ended(): boolean {
    return this.#ended || this.#isCut
  }

  /** Takes what is still to come for nothing; the position stays where it is. */
  end(): void {
    this.#isCut = true
    this.#onEnd()
    this.#align()
  }

  get idlenessMs(): number | null {
    return this.#options.time?.idlenessMs ?? null
  }

  /** Whether it must wait for other sources that it keeps in step with. */
  get isHeld(): boolean {
    const { aligned } = this.#options
    if (aligned === null) return false
    aligned.isHeld = !this.ended && aligned.isAhead
    return aligned.isHeld
  }

  start(): void {
    const { head, channel } = this.#options
    if (this.#generator !== null) head.onWatermark(channel, this.#generator.current())
    if (this.#ended) this.#onEnd()
    else if (this.#options.isBacklog) head.onSignal(channel, backlog, true)
    this.#align()
  }

  /** Hands out at most `budget` records; returns how many, and whether there is more at once. */
  poll(budget: number): { readonly records: number; readonly status: PollStatus } {
    const { head, channel, uid } = this.#options
    this.#records = 0
    this.#now = this.#options.now()
    let status: PollStatus
    this.#hasSignalled = false
    this.#isPolling = true
    try {
      status = this.#reader.poll(this.#emit, budget)
    } catch (cause) {
      if (StreamError.is(cause)) throw cause.locate({ operator: uid })
      throw new StreamError(
        'SOURCE_FAILED',
        `The source failed: ${cause instanceof Error ? cause.message : String(cause)}.`,
        {
          where: { operator: uid },
          cause,
        },
      )
    } finally {
      this.#isPolling = false
    }
    if (this.#records > 0) {
      this.#lastRecordMs = this.#now
      if (this.#idle) {
        this.#idle = false
        head.onIdle(channel, false)
      }
      if (this.#generator !== null) head.onWatermark(channel, this.#generator.current())
    }
    if (status === 'end') {
      this.#ended = true
      this.#onEnd()
    }
    this.#align()
    // A signal alone is something to commit, too.
    return { records: this.#records, status: status === 'wait' && this.#hasSignalled ? 'more' : status }
  }

  #onEnd(): void {
    const { head, channel, isBacklog } = this.#options
    if (isBacklog) head.onSignal(channel, backlog, false)
    head.onEnd(channel)
  }

  #signal(signal: Signal, value: SignalValue): void {
    const { source, head, channel } = this.#options
    const isDeclared = source.signals?.some(({ name }) => name === signal.name) === true
    if (!isDeclared || !this.#isPolling) {
      throw new StreamError(
        'SOURCE_FAILED',
        isDeclared
          ? `The source emits signal '${signal.name}' outside of poll, where it has no place among the records.`
          : `The source emits signal '${signal.name}', which is not among its signals.`,
      )
    }
    checkValue(signal, value)
    this.#hasSignalled = true
    head.onSignal(channel, signal, value)
  }

  position(): SplitPosition {
    return {
      position: this.#reader.position(),
      watermark: this.#generator?.snapshot() ?? Number.NEGATIVE_INFINITY,
      ended: this.#ended,
    }
  }

  checkIdle(nowMs: number): void {
    const idlenessMs = this.idlenessMs
    if (idlenessMs === null || this.#idle || this.ended || this.#options.aligned?.isHeld) return
    if (nowMs - this.#lastRecordMs < idlenessMs) return
    this.#idle = true
    this.#options.head.onIdle(this.#options.channel, true)
    this.#align()
  }

  #align(): void {
    const { aligned } = this.#options
    if (aligned === null || this.#generator === null) return
    if (this.ended) aligned.leave()
    else aligned.update(this.#generator.current(), this.#idle)
  }

  close(): Promise<void> {
    this.#options.aligned?.leave()
    return this.#reader.close()
  }
}
