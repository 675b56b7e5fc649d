import type { SinkWriter } from '../connector/sink.ts'
import { StreamError, UserFunctionError } from '../errors.ts'
import type { LogOutput } from '../log/log.ts'
import type { Counter } from '../metrics/registry.ts'
import type { Receiver } from '../operator/operator.ts'
import { ReceivedSignal, type Signal, type SignalValue } from '../operator/signal/signal.ts'
import type { TopicSinkSpec } from '../plan/logical-graph.ts'
import { murmur2Partition } from '../structure/murmur2.ts'
import type { CommittedOutput } from './committed-output.ts'

/** Writes records to a topic, in the task's transaction. */
export class TopicSink implements Receiver<unknown> {
  readonly #spec: TopicSinkSpec
  readonly #output: LogOutput
  readonly #operator: string
  readonly #now: () => number
  readonly #written: Counter
  #next = 0

  constructor(spec: TopicSinkSpec, output: LogOutput, operator: string, now: () => number, written: Counter) {
    this.#spec = spec
    this.#output = output
    this.#operator = operator
    this.#now = now
    this.#written = written
  }

  onRecord(value: unknown, timestamp: number): void {
    const { key, partition, headers, value: serde } = this.#spec
    // Names whose fault it is when something is thrown.
    let step = 'key'
    try {
      const keyBytes = key === null ? null : key(value)
      step = 'partition'
      const target =
        partition !== null
          ? this.#checked(partition(value, this.#output.partitions))
          : keyBytes !== null
            ? murmur2Partition(keyBytes, this.#output.partitions)
            : this.#next++ % this.#output.partitions
      step = 'headers'
      const headerList = headers === null ? undefined : headers(value)
      step = 'value'
      // Kafka knows no negative times; such records carry the time of writing.
      const recordTime = timestamp >= 0 && timestamp < Number.POSITIVE_INFINITY ? timestamp : this.#now()
      if (headerList === undefined) this.#output.append(target, recordTime, keyBytes, value, serde)
      else this.#output.append(target, recordTime, keyBytes, value, serde, headerList)
    } catch (cause) {
      throw this.#failed(cause, step)
    }
    this.#written.value++
  }

  onWatermark(): void {}
  onIdle(): void {}
  onBarrier(): void {}
  onRound(): void {}
  onSignal(): void {}
  onEnd(): void {}

  #checked(partition: number): number {
    if (Number.isInteger(partition) && partition >= 0 && partition < this.#output.partitions) return partition
    throw new StreamError(
      'ENCODE_FAILED',
      `The partitioner gave ${partition}, but topic ${this.#output.topic} has partitions 0 to ${this.#output.partitions - 1}.`,
    )
  }

  // The place is left to the source, which knows the record that led here; the topic written to is in the message.
  #failed(cause: unknown, step: string): StreamError {
    const where = { operator: this.#operator }
    const { topic } = this.#output
    const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
    if (step !== 'value' && !StreamError.is(cause)) {
      return new UserFunctionError(`The ${step} function of the sink to topic ${topic} threw ${text}`, { where, cause })
    }
    if (StreamError.is(cause) && cause.code !== 'ENCODE_FAILED') return cause.locate(where)
    return new StreamError(
      'ENCODE_FAILED',
      `A record for topic ${topic} could not be written as ${this.#spec.value.format}: ${cause instanceof Error ? cause.message : text}`,
      { where, cause: StreamError.is(cause) ? (cause.cause ?? cause) : cause },
    )
  }
}

/** What a custom sink owes at a barrier. */
export interface SinkBarriers {
  /** Called once for each barrier, with the promise of what is to be published (empty for one-phase sinks). */
  add(uid: string, committables: Promise<readonly unknown[]>): void
}

/** Feeds a user's sink. */
export class CustomSink implements Receiver<unknown> {
  readonly #uid: string
  readonly #writer: SinkWriter<unknown, unknown>
  readonly #barriers: SinkBarriers
  readonly #written: Counter
  readonly #committed: CommittedOutput | null
  readonly #heard: Record<string, SignalValue> = {}

  /** `committed` where anything reads what the sink commits. */
  constructor(
    uid: string,
    writer: SinkWriter<unknown, unknown>,
    barriers: SinkBarriers,
    written: Counter,
    committed: CommittedOutput | null,
  ) {
    this.#uid = uid
    this.#writer = writer
    this.#barriers = barriers
    this.#written = written
    this.#committed = committed
  }

  /** What comes behind the commit. */
  attach(receiver: Receiver<unknown>): void {
    this.#committed?.attach(receiver)
  }

  /** The end waits here for an epoch to be committed. */
  get holdsEnd(): boolean {
    return this.#committed?.holdsEnd === true
  }

  get isFull(): boolean {
    try {
      return this.#writer.isFull === true
    } catch (cause) {
      throw this.#failed(cause)
    }
  }

  onRecord(value: unknown, timestamp: number): void {
    try {
      this.#writer.write(value, timestamp)
    } catch (cause) {
      throw this.#failed(cause)
    }
    this.#written.value++
  }

  onWatermark(watermark: number): void {
    this.#committed?.onWatermark(watermark)
  }

  onIdle(idle: boolean): void {
    this.#committed?.onIdle(idle)
  }

  // Nothing reads what is committed within a loop: the graph is refused.
  onRound(): void {}

  onEnd(): void {
    this.#committed?.onEnd()
  }

  onSignal({ name }: Signal, value: SignalValue): void {
    if (this.#writer.onSignal === undefined || this.#heard[name] === value) return
    this.#heard[name] = value
    this.#tell(name, value)
  }

  /** Null while the writer has heard nothing. */
  snapshotSignals(): Readonly<Record<string, SignalValue>> | null {
    return Object.keys(this.#heard).length === 0 ? null : { ...this.#heard }
  }

  restoreSignals(heard: Readonly<Record<string, SignalValue>>): void {
    if (this.#writer.onSignal === undefined) return
    Object.assign(this.#heard, heard)
    for (const [name, value] of Object.entries(heard)) this.#tell(name, value)
  }

  #tell(name: string, value: SignalValue): void {
    try {
      this.#writer.onSignal?.(new ReceivedSignal(name, value))
    } catch (cause) {
      throw this.#failed(cause)
    }
  }

  onBarrier(epoch: number): void {
    this.#barriers.add(this.#uid, this.#close(epoch))
    this.#committed?.onBarrier(epoch)
  }

  async publish(committables: readonly unknown[]): Promise<void> {
    try {
      if (committables.length > 0) await this.#writer.commit?.(committables)
    } catch (cause) {
      throw this.#failed(cause)
    }
    this.#committed?.onPublished(committables)
  }

  close(): Promise<void> {
    return this.#writer.close()
  }

  // Not async before the call into the writer: it has to happen while the barrier passes.
  #close(epoch: number): Promise<readonly unknown[]> {
    const done: Promise<readonly unknown[]> =
      this.#writer.prepareCommit === undefined ? this.#writer.flush().then(() => []) : this.#writer.prepareCommit(epoch)
    return done.catch((cause: unknown) => {
      throw this.#failed(cause)
    })
  }

  #failed(cause: unknown): StreamError {
    if (StreamError.is(cause)) return cause.locate({ operator: this.#uid })
    return new StreamError(
      'SINK_FAILED',
      `The sink failed: ${cause instanceof Error ? cause.message : String(cause)}.`,
      {
        where: { operator: this.#uid },
        cause,
      },
    )
  }
}
