import type { PartitionPosition } from '../checkpoint/format.ts'
import type { LogBatch } from '../log/log.ts'
import { type AlignedRounds, RoundAlignment } from '../operator/loop/round-alignment.ts'
import { MIN_WATERMARK } from '../operator/operator.ts'
import type { Signal } from '../operator/signal/signal.ts'
import type { StoredCombination } from '../operator/signal/signal-combiner.ts'
import type { Exchange } from '../plan/job-graph.ts'
import { decodeControlFrame, FRAME_RECORD, RECORD_HEADER_BYTES } from './exchange-frame.ts'
import { locatedAt } from './located.ts'
import type { PartitionInput } from './partition-input.ts'
import type { RecordOrigin } from './record-origin.ts'
import type { SourceHead } from './source-head.ts'

/** Progress of the upstream tasks, as a reader has seen it; part of its epoch. */
export interface ExchangeProgress {
  readonly watermarks: readonly number[]
  readonly idle: readonly boolean[]
  readonly ended: readonly boolean[]
  /** Of the loop that the exchange is in. */
  readonly rounds?: AlignedRounds | null
  readonly signals?: StoredCombination | null
}

/** The task's partition of a repartition topic; its channels are the upstream tasks. */
export class ExchangePartitionInput implements PartitionInput {
  readonly topic: string
  readonly partition: number
  readonly idlenessMs: null = null
  readonly #exchange: Exchange
  readonly #head: SourceHead
  readonly #origin: RecordOrigin | null
  readonly #watermarks: number[]
  readonly #idle: boolean[]
  readonly #ended: boolean[]
  readonly #rounds: RoundAlignment
  /** That can come through the exchange. */
  readonly #signals: readonly Signal[]
  readonly #isFull: () => boolean
  /** Frames of the batch that have been taken, where the rest of it waits. */
  #taken = 0
  #offset: number

  constructor(
    exchange: Exchange,
    partition: number,
    upstreamTasks: number,
    offset: number,
    head: SourceHead,
    progress: ExchangeProgress | null,
    origin: RecordOrigin | null = null,
    signals: readonly Signal[] = [],
    isFull: () => boolean = () => false,
  ) {
    this.#signals = signals
    this.topic = exchange.topic
    this.partition = partition
    this.#exchange = exchange
    this.#head = head
    this.#origin = origin
    this.#isFull = isFull
    this.#offset = offset
    this.#watermarks = progress ? [...progress.watermarks] : new Array<number>(upstreamTasks).fill(MIN_WATERMARK)
    this.#idle = progress ? [...progress.idle] : new Array<boolean>(upstreamTasks).fill(false)
    this.#rounds = new RoundAlignment(upstreamTasks)
    if (progress?.rounds != null) this.#rounds.restore(progress.rounds)
    if (progress?.signals != null) head.restoreSignals(progress.signals)
    this.#ended = progress ? [...progress.ended] : new Array<boolean>(upstreamTasks).fill(false)
  }

  get offset(): number {
    return this.#offset
  }

  get ended(): boolean {
    return this.#head.ended
  }

  get reached(): number {
    const { watermark } = this.#head
    return watermark === MIN_WATERMARK ? Number.NaN : watermark
  }

  get isPartial(): boolean {
    return this.#taken > 0
  }

  start(): void {
    for (let upstream = 0; upstream < this.#watermarks.length; upstream++) {
      if (this.#ended[upstream]) this.#head.onEnd(upstream)
      else {
        this.#head.onWatermark(upstream, this.#watermarks[upstream] as number)
        if (this.#idle[upstream]) this.#head.onIdle(upstream, true)
      }
    }
  }

  /**
   * Stops behind a watermark that leaves no room for more: records behind it would wait in the operator that is busy with it,
   * and no barrier could pass them. The rest of the batch is to be given again then.
   */
  process(batch: LogBatch): number {
    const { buffer, valueStarts, valueEnds, count } = batch
    const receiver = this.#head.receiver
    const serde = this.#exchange.value
    const origin = this.#origin
    if (origin !== null) origin.buffer = buffer
    let records = 0
    let index = this.#taken
    this.#taken = 0
    try {
      for (; index < count; index++) {
        const start = valueStarts[index] as number
        const end = valueEnds[index] as number
        if (buffer[start] === FRAME_RECORD) {
          records++
          if (origin !== null) {
            origin.start = start + RECORD_HEADER_BYTES
            origin.end = end
          }
          const value = serde.decode(buffer, start + RECORD_HEADER_BYTES, end)
          receiver.onRecord(value, buffer.readDoubleBE(start + 1))
        } else {
          this.#control(buffer, start, end)
          if (index + 1 < count && this.#isFull()) {
            this.#taken = index + 1
            this.#offset = batch.offsets[index + 1] as number
            return records
          }
        }
      }
    } catch (error) {
      const { topic, partition } = this
      throw locatedAt(error, { topic, partition, offset: batch.offsets[index] ?? batch.nextOffset })
    }
    this.#offset = batch.nextOffset
    return records
  }

  position(): PartitionPosition {
    return { topic: this.topic, partition: this.partition, offset: this.#offset, watermark: null, end: null }
  }

  progress(): ExchangeProgress {
    return {
      watermarks: [...this.#watermarks],
      idle: [...this.#idle],
      ended: [...this.#ended],
      rounds: this.#rounds.snapshot(),
      signals: this.#head.snapshotSignals(),
    }
  }

  readonly aligned: null = null
  close(): void {}
  end(): void {}

  checkIdle(): void {
    // Idleness is the upstream tasks' to tell.
  }

  #control(buffer: Buffer, start: number, end: number): void {
    const frame = decodeControlFrame(buffer, start, end)
    const { upstream } = frame
    if (frame.kind === 'watermark') {
      this.#watermarks[upstream] = Math.max(this.#watermarks[upstream] ?? MIN_WATERMARK, frame.watermark)
      if (this.#idle[upstream]) {
        this.#idle[upstream] = false
        this.#head.onIdle(upstream, false)
      }
      this.#head.onWatermark(upstream, frame.watermark)
    } else if (frame.kind === 'idle') {
      this.#idle[upstream] = frame.idle
      this.#head.onIdle(upstream, frame.idle)
    } else if (frame.kind === 'round') {
      const mark = this.#rounds.onMark(upstream, frame.mark)
      if (mark !== null) this.#head.receiver.onRound(mark)
    } else if (frame.kind === 'signal') {
      // One that nobody expects is of a former version of the job, or of a stream that only its end is read of.
      const signal = this.#signals.find(({ name }) => name === frame.name)
      const { value } = frame
      if (signal !== undefined) this.#head.onSignal(upstream, signal, signal.kind === 'boolean' ? value === 1 : value)
    } else {
      this.#ended[upstream] = true
      this.#head.onEnd(upstream)
    }
  }
}
