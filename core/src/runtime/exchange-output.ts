import { StreamError, UserFunctionError } from '../errors.ts'
import type { LogOutput } from '../log/log.ts'
import type { RoundMark } from '../operator/loop/round.ts'
import { MIN_WATERMARK, type Receiver } from '../operator/operator.ts'
import type { Signal, SignalValue } from '../operator/signal/signal.ts'
import type { Exchange } from '../plan/job-graph.ts'
import { ByteWriter } from '../serde/byte-writer.ts'
import { encodeKey } from '../serde/key-codec.ts'
import { keyGroupOf, taskOfKeyGroup } from '../state/key-group.ts'
import { Random } from '../structure/random.ts'
import { type ControlFrame, encodeControlFrame, RecordFrameSerde } from './exchange-frame.ts'
import { copyingSerde, type RecordOrigin } from './record-origin.ts'

/** Watermarks are written to every partition, so not for each batch: at most once in this many milliseconds. */
const WATERMARK_INTERVAL_MS = 50

/** The writing end of an exchange: routes records and repeats control elements to every partition. */
export class ExchangeOutput implements Receiver<unknown> {
  /** Set while others wait for what has been written. */
  needsCommit = false
  readonly #exchange: Exchange
  readonly #output: LogOutput
  readonly #index: number
  readonly #maxParallelism: number
  readonly #now: () => number
  readonly #onIdleWritten: () => void
  readonly #frame: RecordFrameSerde
  readonly #keyBytes = new ByteWriter(64)
  readonly #toEvery: boolean
  readonly #random: Random
  /** The task that got the last record, where they go in turn; tasks begin with different ones. */
  #next: number
  #watermark = MIN_WATERMARK
  #writtenWatermark = MIN_WATERMARK
  #writtenAt = Number.NEGATIVE_INFINITY
  #batchTime = 0

  /**
   * `origin` is where the bytes of its records lie, when they are copied. `onIdleWritten` hears of what was written though no record
   * came: it has to be committed too.
   */
  constructor(
    exchange: Exchange,
    output: LogOutput,
    index: number,
    maxParallelism: number,
    now: () => number,
    origin: RecordOrigin | null,
    onIdleWritten: () => void,
  ) {
    this.#exchange = exchange
    this.#output = output
    this.#index = index
    this.#maxParallelism = maxParallelism
    this.#now = now
    this.#onIdleWritten = onIdleWritten
    this.#frame = new RecordFrameSerde(origin === null ? exchange.value : copyingSerde(exchange.value, origin))
    this.#batchTime = now()
    this.#toEvery = exchange.partitioning.kind === 'broadcast'
    this.#random = new Random(index)
    this.#next = index % exchange.partitions
  }

  onRecord(value: unknown, timestamp: number): void {
    this.#frame.timestamp = timestamp
    if (!this.#toEvery) {
      this.#append(this.#partitionOf(value), value)
      return
    }
    for (let partition = 0; partition < this.#exchange.partitions; partition++) this.#append(partition, value)
  }

  #append(partition: number, value: unknown): void {
    // The topic's own timestamps are wall-clock time: its retention must not depend on event time.
    try {
      this.#output.append(partition, this.#batchTime, null, value, this.#frame)
    } catch (cause) {
      if (StreamError.is(cause)) throw cause.locate({ operator: this.#exchange.toUid })
      const text = cause instanceof Error ? cause.message : String(cause)
      throw new StreamError(
        'ENCODE_FAILED',
        `A record could not be written as ${this.#exchange.value.format}: ${text}`,
        {
          where: { operator: this.#exchange.toUid },
          cause,
        },
      )
    }
  }

  onWatermark(watermark: number): void {
    this.#watermark = watermark
  }

  onIdle(idle: boolean): void {
    this.#flushWatermark()
    this.#toAll({ kind: 'idle', upstream: this.#index, idle })
    this.#onIdleWritten()
  }

  onBarrier(): void {
    this.#flushWatermark()
    this.needsCommit = false
  }

  /** No task goes on to the next round before it has this mark, so it should be committed soon. */
  onRound(mark: RoundMark): void {
    this.#flushWatermark()
    this.#toAll({ kind: 'round', upstream: this.#index, mark })
    this.needsCommit = true
  }

  /** At its place among the records, and the watermark before it. */
  onSignal({ name }: Signal, value: SignalValue): void {
    this.#flushWatermark()
    this.#toAll({ kind: 'signal', upstream: this.#index, name, value: Number(value) })
    this.#onIdleWritten()
  }

  onEnd(): void {
    this.#flushWatermark()
    this.#toAll({ kind: 'end', upstream: this.#index })
  }

  /** Between batches: lets the watermark out when it is time, or when the task is about to wait. */
  afterBatch(isLast: boolean): void {
    const now = this.#now()
    this.#batchTime = now
    if (isLast || now - this.#writtenAt >= WATERMARK_INTERVAL_MS) this.#flushWatermark()
  }

  #partitionOf(value: unknown): number {
    const { partitioning, partitions } = this.#exchange
    switch (partitioning.kind) {
      case 'hash':
        return this.#ofKey(partitioning.key, value)
      case 'rebalance':
        this.#next = this.#next + 1 === partitions ? 0 : this.#next + 1
        return this.#next
      case 'shuffle':
        return this.#random.integer(partitions)
      case 'custom':
        return this.#ofFunction(partitioning.select, value)
      case 'global':
        return 0
      default:
        return this.#index
    }
  }

  #ofKey(key: (value: unknown) => unknown, value: unknown): number {
    const bytes = this.#keyBytes
    bytes.position = 0
    try {
      encodeKey(key(value), bytes)
    } catch (cause) {
      throw this.#failed('key selector', cause)
    }
    const keyGroup = keyGroupOf(bytes.buffer, 0, bytes.position, this.#maxParallelism)
    return taskOfKeyGroup(keyGroup, this.#maxParallelism, this.#exchange.partitions)
  }

  #ofFunction(select: (value: unknown, tasks: number) => number, value: unknown): number {
    const { partitions, toUid } = this.#exchange
    let partition: number
    try {
      partition = select(value, partitions)
    } catch (cause) {
      throw this.#failed('partitioner', cause)
    }
    if (Number.isInteger(partition) && partition >= 0 && partition < partitions) return partition
    throw new UserFunctionError(
      `The partitioner gave ${partition}; it must give a whole number from 0 to ${partitions - 1}.`,
      { where: { operator: toUid } },
    )
  }

  #failed(what: string, cause: unknown): StreamError {
    const where = { operator: this.#exchange.toUid }
    if (StreamError.is(cause)) return cause.locate(where)
    const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
    return new UserFunctionError(`The ${what} threw ${text}`, { where, cause })
  }

  #flushWatermark(): void {
    if (this.#watermark <= this.#writtenWatermark) return
    this.#writtenWatermark = this.#watermark
    this.#writtenAt = this.#now()
    this.#toAll({ kind: 'watermark', upstream: this.#index, watermark: this.#watermark })
  }

  #toAll(frame: ControlFrame): void {
    const bytes = encodeControlFrame(frame)
    for (let partition = 0; partition < this.#output.partitions; partition++) {
      this.#output.appendBytes(partition, this.#batchTime, null, bytes)
    }
  }
}
