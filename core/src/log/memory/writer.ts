import { FencedError, StreamError, TopicMissingError } from '../../errors.ts'
import type { Serde } from '../../serde/serde.ts'
import type {
  CommittedOffset,
  Header,
  LogOutput,
  LogWriter,
  LogWriterOptions,
  OffsetCommit,
  TopicPartition,
} from '../log.ts'
import { BatchBuilder } from './batch.ts'
import type { MemoryStorage } from './storage.ts'
import type { Wire } from './wire.ts'

/** A partition's records are handed to the log in batches of about this size. */
const BATCH_BYTES = 256 * 1024
/** And of at most so many records: those without a value take no bytes. */
const BATCH_RECORDS = 65_536

interface Pending {
  readonly topic: string
  readonly partition: number
  readonly builder: BatchBuilder
}

/** Encodes into builders; a sealed epoch's builders go to the log at its flush, those of the next epoch wait. */
export class MemoryWriter implements LogWriter {
  readonly #storage: MemoryStorage
  readonly #options: LogWriterOptions
  readonly #wire: Wire
  readonly #outputs = new Map<string, MemoryOutput>()
  /** Full builders of the epoch that is being written, beside those still open in the outputs. */
  #full: Pending[] = []
  #sealed: Pending[] | null = null
  #openBytes = 0
  #sealedBytes = 0
  #epoch = -1
  #failure: unknown = null
  #hasUnsealed = false
  #isScheduled = false
  #wasFull = false
  #closed = false
  #deciding: Promise<void> | null = null

  constructor(storage: MemoryStorage, options: LogWriterOptions, wire: Wire) {
    this.#storage = storage
    this.#options = options
    this.#wire = wire
  }

  async init(): Promise<void> {
    const { transactionalId } = this.#options
    if (transactionalId === null) await this.#wire.hop()
    else this.#epoch = await this.#wire.request(() => this.#storage.takeOver(transactionalId))
  }

  committed(group: string, partitions: readonly TopicPartition[]): Promise<(CommittedOffset | null)[]> {
    return this.#wire.request(() =>
      partitions.map(({ topic, partition }) => this.#storage.committed(group, topic, partition)),
    )
  }

  async output(topic: string): Promise<LogOutput> {
    const known = this.#outputs.get(topic)
    if (known !== undefined) return known
    const partitions = await this.#wire.request(() => this.#storage.partitions(topic))
    if (partitions === null) {
      throw new TopicMissingError(`Topic ${topic} does not exist in the memory log.`, { where: { topic } })
    }
    const output = new MemoryOutput(topic, partitions, (partition, builder, bytes) =>
      this.#onAppended(topic, partition, builder, bytes),
    )
    this.#outputs.set(topic, output)
    return output
  }

  get isFull(): boolean {
    const isFull = this.#openBytes + this.#sealedBytes > this.#options.maxBufferedBytes
    if (isFull) this.#wasFull = true
    return isFull
  }

  get hasUnsealed(): boolean {
    return this.#hasUnsealed
  }

  check(): void {
    if (this.#failure !== null) throw this.#failure
  }

  seal(): void {
    if (this.#sealed !== null && this.#options.transactionalId !== null) {
      throw new StreamError('INVARIANT_BROKEN', 'A second epoch was sealed before the first was committed.')
    }
    this.#sealed = [...(this.#sealed ?? []), ...this.#takeOpen()]
    this.#sealedBytes += this.#openBytes
    this.#openBytes = 0
    this.#hasUnsealed = false
  }

  async flush(): Promise<void> {
    this.check()
    await this.#wire.request(() => this.#handSealed())
    this.#drained(this.#sealedBytes)
  }

  async commit(group: string, offsets: readonly OffsetCommit[]): Promise<void> {
    const { transactionalId } = this.#options
    if (transactionalId === null) {
      throw new StreamError('INVARIANT_BROKEN', 'A writer without a transactional id cannot commit a transaction.')
    }
    this.check()
    if (this.#sealed === null && this.#hasUnsealed) {
      throw new StreamError('INVARIANT_BROKEN', 'Records were appended and not sealed before the commit.')
    }
    if (this.#deciding !== null) throw new StreamError('INVARIANT_BROKEN', 'A commit was begun during another one.')
    this.#deciding = this.#decide(transactionalId, group, offsets)
    try {
      await this.#deciding
    } finally {
      this.#deciding = null
    }
    this.#sealed = null
    this.#drained(0)
    if (this.#hasUnsealed) this.#schedule()
  }

  async abort(): Promise<void> {
    // What is being decided cannot be taken back; its outcome goes to who asked for it.
    await this.#deciding?.catch(() => {})
    this.#takeOpen()
    this.#sealed = null
    this.#openBytes = 0
    this.#hasUnsealed = false
    this.#drained(0)
    const { transactionalId } = this.#options
    if (transactionalId !== null) {
      await this.#wire.request(() => this.#guard(() => this.#storage.abort(transactionalId, this.#epoch)))
    }
  }

  /** Aborts what is open, so that readers need not wait for the next owner to do it. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const { transactionalId } = this.#options
    if (transactionalId === null || this.#failure !== null || this.#epoch < 0) return
    try {
      await this.#wire.request(() => this.#storage.abort(transactionalId, this.#epoch))
    } catch (error) {
      // A new owner has aborted it already.
      if (!(error instanceof FencedError)) throw error
    }
  }

  #decide(transactionalId: string, group: string, offsets: readonly OffsetCommit[]): Promise<void> {
    return this.#wire.request(() => {
      // The offsets must not become true without the records that the close has dropped.
      if (this.#closed) throw new StreamError('LOG_FAILED', 'The writer was closed before its commit reached the log.')
      this.#handSealed()
      this.#guard(() => this.#storage.commit(transactionalId, this.#epoch, group, offsets))
    })
  }

  #onAppended(topic: string, partition: number, builder: BatchBuilder, bytes: number): boolean {
    this.#openBytes += bytes
    this.#hasUnsealed = true
    this.#schedule()
    if (builder.bytes < BATCH_BYTES && builder.count < BATCH_RECORDS) return false
    this.#full.push({ topic, partition, builder })
    return true
  }

  /**
   * Plain writes go out by themselves, soon. So does an epoch that grows large, unless the one before it is not committed
   * yet: what it has written already waits in the log as part of the open transaction.
   */
  #schedule(): void {
    if (this.#isScheduled || !this.#isDue()) return
    this.#isScheduled = true
    void this.#wire.hop().then(() => {
      this.#isScheduled = false
      if (this.#closed || !this.#isDue()) return
      const open = this.#takeOpen()
      this.#openBytes = 0
      try {
        this.#handSealed()
        this.#hand(open)
      } catch (error) {
        this.#fail(error)
      }
      this.#drained(this.#sealedBytes)
    })
  }

  #isDue(): boolean {
    if (this.#options.transactionalId === null) return true
    if (this.#sealed !== null || this.#deciding !== null) return false
    return this.#openBytes > Math.min(BATCH_BYTES, this.#options.maxBufferedBytes / 2)
  }

  #takeOpen(): Pending[] {
    const taken = this.#full
    this.#full = []
    for (const output of this.#outputs.values()) taken.push(...output.take())
    return taken
  }

  /** Once only, however many flushes and commits are on their way, and before anything that was appended later. */
  #handSealed(): void {
    const sealed = this.#sealed
    if (sealed === null) return
    if (this.#options.transactionalId === null) {
      // Without a transaction nothing is decided later: what the log has is done with.
      this.#sealed = null
      this.#sealedBytes = 0
    } else {
      this.#sealed = []
    }
    this.#hand(sealed)
  }

  #hand(pending: readonly Pending[]): void {
    if (pending.length === 0) return
    const { transactionalId, transactionTimeoutMs } = this.#options
    this.#guard(() => {
      const transaction =
        transactionalId === null ? null : this.#storage.transaction(transactionalId, this.#epoch, transactionTimeoutMs)
      for (const { topic, partition, builder } of pending) {
        const stored = this.#storage.partition(topic, partition)
        transaction?.partitions.add(stored)
        stored.append(builder, transaction)
      }
    })
  }

  #drained(sealedBytes: number): void {
    this.#sealedBytes = sealedBytes
    if (!this.#wasFull || this.isFull) return
    this.#wasFull = false
    this.#options.onAvailable()
  }

  /** Once fenced, always fenced. */
  #guard(effect: () => void): void {
    try {
      effect()
    } catch (error) {
      if (error instanceof FencedError) this.#fail(error)
      throw error
    }
  }

  #fail(error: unknown): void {
    if (this.#failure !== null) return
    this.#failure = error
    this.#options.onAvailable()
  }
}

class MemoryOutput implements LogOutput {
  readonly topic: string
  readonly partitions: number
  readonly #open: (BatchBuilder | null)[]
  /** Notes a record; true when the builder is full and was taken. */
  readonly #onAppended: (partition: number, builder: BatchBuilder, bytes: number) => boolean

  constructor(
    topic: string,
    partitions: number,
    onAppended: (partition: number, builder: BatchBuilder, bytes: number) => boolean,
  ) {
    this.topic = topic
    this.partitions = partitions
    this.#onAppended = onAppended
    this.#open = new Array<BatchBuilder | null>(partitions).fill(null)
  }

  append<T>(
    partition: number,
    timestamp: number,
    key: Uint8Array | null,
    value: T,
    serde: Serde<T>,
    headers?: readonly Header[],
  ): void {
    const builder = this.#builder(partition)
    const { writer } = builder
    const start = writer.position
    if (key !== null) writer.writeBytes(key)
    const valueStart = writer.position
    try {
      serde.encode(value, writer)
    } catch (error) {
      // Half a value must not become part of the next record.
      writer.position = start
      throw error
    }
    this.#note(
      partition,
      builder,
      timestamp,
      start,
      key === null ? -1 : valueStart,
      valueStart,
      writer.position,
      headers,
    )
  }

  appendBytes(
    partition: number,
    timestamp: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers?: readonly Header[],
  ): void {
    const builder = this.#builder(partition)
    const { writer } = builder
    const start = writer.position
    if (key !== null) writer.writeBytes(key)
    const valueStart = writer.position
    if (value !== null) writer.writeBytes(value)
    this.#note(
      partition,
      builder,
      timestamp,
      start,
      key === null ? -1 : valueStart,
      value === null ? -1 : valueStart,
      writer.position,
      headers,
    )
  }

  take(): Pending[] {
    const taken: Pending[] = []
    for (let partition = 0; partition < this.#open.length; partition++) {
      const builder = this.#open[partition]
      if (builder != null) taken.push({ topic: this.topic, partition, builder })
      this.#open[partition] = null
    }
    return taken
  }

  #builder(partition: number): BatchBuilder {
    const open = this.#open[partition]
    if (open != null) return open
    if (open === undefined) {
      throw new StreamError('LOG_FAILED', `Topic ${this.topic} has no partition ${partition}.`, {
        where: { topic: this.topic },
      })
    }
    const builder = new BatchBuilder()
    this.#open[partition] = builder
    return builder
  }

  #note(
    partition: number,
    builder: BatchBuilder,
    timestamp: number,
    start: number,
    keyEnd: number,
    valueStart: number,
    end: number,
    headers: readonly Header[] | undefined,
  ): void {
    builder.add(timestamp, keyEnd < 0 ? -1 : start, keyEnd, valueStart, valueStart < 0 ? -1 : end, headers)
    if (this.#onAppended(partition, builder, end - start + 1)) this.#open[partition] = null
  }
}
