import type { PartitionPosition } from '../checkpoint/format.ts'
import { DecodeError, StreamError } from '../errors.ts'
import type { LogBatch } from '../log/log.ts'
import type { Counter } from '../metrics/registry.ts'
import { MIN_WATERMARK, NO_TIMESTAMP } from '../operator/operator.ts'
import { backlog } from '../operator/signal/signal.ts'
import type { TopicSourceSpec } from '../plan/logical-graph.ts'
import type { WatermarkGenerator } from '../time/watermark-strategy.ts'
import { Backlog } from './backlog.ts'
import type { DeadLetters } from './dead-letters.ts'
import { locatedAt } from './located.ts'
import type { PartitionInput } from './partition-input.ts'
import type { RecordOrigin } from './record-origin.ts'
import type { AlignedChannel } from './source-alignment.ts'
import type { SourceHead } from './source-head.ts'

export interface TopicPartitionInputOptions {
  readonly spec: TopicSourceSpec
  readonly operator: string
  readonly head: SourceHead
  readonly channel: number
  readonly position: PartitionPosition
  readonly now: () => number
  readonly deadLetters: DeadLetters | null
  readonly undecodable: Counter
  readonly aligned: AlignedChannel | null
  /** The end of what the partition has, as far as it is known. */
  readonly endOffset: () => number | null
  /** Set when somebody copies the bytes of the records. */
  readonly origin: RecordOrigin | null
}

/** One partition of a topic that the job reads: decodes, assigns timestamps, keeps the partition's watermark. */
export class TopicPartitionInput implements PartitionInput {
  readonly topic: string
  readonly partition: number
  readonly #options: TopicPartitionInputOptions
  readonly #generator: WatermarkGenerator<unknown> | null
  readonly #end: number | null
  readonly #backlog: Backlog | null
  #offset: number
  #lastRecordMs: number
  #idle = false
  #reached = Number.NaN

  constructor(options: TopicPartitionInputOptions) {
    const { position, spec } = options
    this.topic = position.topic
    this.partition = position.partition
    this.#options = options
    this.#offset = position.offset
    this.#end = position.end
    this.#generator = spec.time?.createGenerator() ?? null
    if (position.watermark !== null) this.#generator?.restore(position.watermark)
    this.#lastRecordMs = options.now()
    this.#backlog = spec.backlog === null ? null : new Backlog(spec.backlog)
  }

  get offset(): number {
    return this.#offset
  }

  readonly isPartial: boolean = false

  get ended(): boolean {
    return this.#options.head.isEnded(this.#options.channel)
  }

  get reached(): number {
    return this.#reached
  }

  get idlenessMs(): number | null {
    return this.#options.spec.time?.idlenessMs ?? null
  }

  /** To be called once the chains are open: a restored watermark, or the end of an empty bounded partition, takes effect. */
  start(): void {
    this.#advance()
    if (this.#options.spec.backlog === 'all') this.#checkBacklog()
    this.#checkEnd()
    this.#align()
  }

  process(batch: LogBatch): number {
    if (this.ended) return 0
    const { spec, head, channel, origin } = this.#options
    const { time, value: serde, toRecord } = spec
    const { buffer, timestamps, valueStarts, valueEnds } = batch
    const receiver = head.receiver
    const generator = this.#generator
    // Before the records, so that those that come first are known to be of a backlog.
    if (this.#backlog !== null) this.#checkBacklog()
    const count = this.#countBeforeEnd(batch)
    const now = this.#options.now()
    if (origin !== null) origin.buffer = buffer
    let index = 0
    try {
      for (; index < count; index++) {
        const start = valueStarts[index] as number
        const recordTime = timestamps[index] as number
        let value: unknown
        if (origin !== null) {
          origin.start = start
          origin.end = valueEnds[index] as number
        }
        try {
          if (toRecord !== undefined) value = this.#fullRecord(batch, index)
          else if (start >= 0) value = serde.decode(buffer, start, valueEnds[index] as number)
          else {
            throw new DecodeError(
              'It has no value (a tombstone), and this source gives values only; env.records gives both.',
            )
          }
        } catch (cause) {
          this.#undecodable(batch, index, cause)
          continue
        }
        if (time === null) {
          receiver.onRecord(value, recordTime < 0 ? NO_TIMESTAMP : recordTime)
        } else {
          const timestamp = time.timestamp(value, recordTime, now)
          receiver.onRecord(value, timestamp)
          // After the record, so that a record is never late against the watermark that it causes itself.
          generator?.onEvent(timestamp, value)
        }
      }
    } catch (error) {
      throw this.#located(error, batch, index)
    }
    this.#offset = batch.nextOffset
    if (count > 0) this.#lastRecordMs = now
    if (this.#idle && count > 0) {
      this.#idle = false
      head.onIdle(channel, false)
    }
    this.#advance()
    if (this.#backlog !== null) this.#checkBacklog()
    this.#checkEnd()
    this.#align()
    return count
  }

  /** What keeps it in step with other sources, where anything does. */
  get aligned(): AlignedChannel | null {
    return this.#options.aligned
  }

  close(): void {
    this.#options.aligned?.leave()
  }

  #advance(): void {
    if (this.#generator === null) return
    const watermark = this.#generator.current()
    this.#reached = watermark === MIN_WATERMARK ? Number.NaN : watermark
    this.#options.head.onWatermark(this.#options.channel, watermark)
  }

  #align(): void {
    if (this.#options.aligned === null || this.#generator === null) return
    if (this.ended) this.#options.aligned.leave()
    else this.#options.aligned.update(this.#generator.current(), this.#idle)
  }

  end(): void {
    this.#onEnd()
    this.#align()
  }

  position(): PartitionPosition {
    const watermark = this.#generator?.snapshot() ?? Number.NEGATIVE_INFINITY
    return {
      topic: this.topic,
      partition: this.partition,
      offset: this.#offset,
      watermark: Number.isFinite(watermark) ? watermark : null,
      end: this.#end,
    }
  }

  checkIdle(nowMs: number): void {
    const idlenessMs = this.idlenessMs
    // What is held back to keep in step is not silent.
    if (idlenessMs === null || this.#idle || this.ended || this.#options.aligned?.isHeld) return
    if (nowMs - this.#lastRecordMs < idlenessMs) return
    this.#idle = true
    this.#options.head.onIdle(this.#options.channel, true)
    this.#align()
  }

  #countBeforeEnd(batch: LogBatch): number {
    if (this.#end === null || batch.nextOffset <= this.#end) return batch.count
    let count = batch.count
    while (count > 0 && (batch.offsets[count - 1] as number) >= this.#end) count--
    return count
  }

  #checkEnd(): void {
    if (this.#end !== null && this.#offset >= this.#end) this.#onEnd()
  }

  #onEnd(): void {
    const { head, channel } = this.#options
    if (this.#backlog !== null) head.onSignal(channel, backlog, false)
    head.onEnd(channel)
  }

  #checkBacklog(): void {
    const { head, channel, endOffset, now } = this.#options
    const end = endOffset()
    const watermark = this.#generator?.current() ?? Number.NEGATIVE_INFINITY
    // Before the first record nothing is known of its time.
    const delayMs = watermark === Number.NEGATIVE_INFINITY ? 0 : now() - watermark
    const isBehind = this.#backlog?.isBehind(end === null ? null : end - this.#offset, delayMs) === true
    head.onSignal(channel, backlog, isBehind)
  }

  #fullRecord(batch: LogBatch, index: number): unknown {
    const { value: serde, toRecord } = this.#options.spec
    const start = batch.valueStarts[index] as number
    const keyStart = batch.keyStarts[index] as number
    const value = start < 0 ? null : serde.decode(batch.buffer, start, batch.valueEnds[index] as number)
    const key = keyStart < 0 ? null : batch.buffer.subarray(keyStart, batch.keyEnds[index])
    return toRecord?.(value, key, batch.timestamps[index] as number, () => batch.headers(index))
  }

  #undecodable(batch: LogBatch, index: number, cause: unknown): void {
    const { spec, operator, deadLetters, undecodable } = this.#options
    const text = cause instanceof Error ? cause.message : String(cause)
    const error = new DecodeError(
      `The record is not valid ${spec.value.format}: ${text} ` +
        "Correct the producer, or set onDecodeFailure to 'skip' or to a dead letter topic.",
      { cause: StreamError.is(cause) ? (cause.cause ?? cause) : cause },
    )
    this.#located(error, batch, index)
    if (spec.onDecodeFailure === 'fail') throw error
    undecodable.value++
    if (spec.onDecodeFailure !== 'skip') deadLetters?.send(operator, batch, index, error)
  }

  #located(error: unknown, batch: LogBatch, index: number): StreamError {
    return locatedAt(error, {
      operator: this.#options.operator,
      topic: this.topic,
      partition: this.partition,
      offset: batch.offsets[index] ?? batch.nextOffset,
    })
  }
}
