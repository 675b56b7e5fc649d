import { TimestampError } from '../../../errors.ts'
import { OneInputOperator } from '../../base-operator.ts'
import type { RoundMark } from '../../loop/round.ts'
import { MIN_WATERMARK } from '../../operator.ts'
import type { Signal, SignalValue } from '../../signal/signal.ts'
import type { PaneContents } from '../pane-contents.ts'
import type { PartialAggregate } from './partial-aggregate.ts'

/** Partial aggregates that may wait together, so that memory stays bounded whatever the keys. */
const MAX_WAITING = 10_000
/** Gathering is given up for a while where fewer records than this stand behind a partial aggregate. */
const WORTH_IT = 1.25
/** Records that then go by before it is tried again. */
const PAUSE_RECORDS = 200_000

/**
 * Gathers records of a key before they go to the task that owns it: what crosses the exchange is one partial aggregate for
 * many records of a hot key. Nothing is kept over a barrier, so there is no state. Where keys hardly ever come twice it
 * lets records through, one partial aggregate for each.
 */
export abstract class GatherOperator extends OneInputOperator<never, PartialAggregate> {
  protected readonly key: (value: never) => unknown
  protected readonly contents: PaneContents
  /** Partial aggregates that wait. */
  protected waiting = 0
  protected watermark: number = MIN_WATERMARK
  #records = 0
  #sent = 0
  #pause = 0

  constructor(key: (value: never) => unknown, contents: PaneContents) {
    super()
    this.key = key
    this.contents = contents
  }

  onRecord(value: never, timestamp: number): void {
    if (timestamp === Number.NEGATIVE_INFINITY) {
      throw new TimestampError(
        'The record has no timestamp, but its window goes by event time. Give the source a watermark strategy (time: …).',
        { where: { operator: this.context.uid } },
      )
    }
    try {
      if (this.#pause > 0) {
        this.#pause--
        const partial = this.single(value, timestamp)
        this.out.onRecord(partial, partial.time)
        return
      }
      this.#records++
      this.add(value, timestamp)
      if (this.waiting >= MAX_WAITING) this.#flush()
    } catch (cause) {
      throw this.failed(cause)
    }
  }

  override onWatermark(watermark: number): void {
    this.watermark = watermark
    this.flushUpTo(watermark)
    this.out.onWatermark(watermark)
  }

  override onIdle(idle: boolean): void {
    this.#flush()
    this.out.onIdle(idle)
  }

  override onBarrier(epoch: number): void {
    this.#flush()
    this.out.onBarrier(epoch)
  }

  override onRound(mark: RoundMark): void {
    this.#flush()
    super.onRound(mark)
  }

  override onSignal(signal: Signal, value: SignalValue): void {
    this.#flush()
    super.onSignal(signal, value)
  }

  override onEnd(): void {
    this.#flush()
    this.out.onEnd()
  }

  /** Sends what has been gathered of one key. */
  protected send(partial: PartialAggregate): void {
    this.waiting--
    this.#sent++
    this.out.onRecord(partial, partial.time)
  }

  /** What one record is by itself. */
  protected abstract single(value: never, timestamp: number): PartialAggregate
  protected abstract add(value: never, timestamp: number): void
  /** Sends what would be late behind this watermark. */
  protected abstract flushUpTo(watermark: number): void
  protected abstract flushAll(): void

  #flush(): void {
    this.flushAll()
    if (this.#sent < MAX_WAITING) return
    if (this.#records < this.#sent * WORTH_IT) this.#pause = PAUSE_RECORDS
    this.#records = 0
    this.#sent = 0
  }
}
