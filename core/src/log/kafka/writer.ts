import { FencedError, StreamError } from '../../errors.ts'
import type { Logger } from '../../metrics/logger.ts'
import { type CancelTimer, waitAtMost } from '../../time/clock.ts'
import type { CommittedOffset, LogOutput, LogWriter, LogWriterOptions, OffsetCommit, TopicPartition } from '../log.ts'
import { Acknowledgements } from './acknowledgements.ts'
import { BatchBuffers } from './batch-buffers.ts'
import type { Cluster } from './cluster.ts'
import { committedOffsets } from './committed-offsets.ts'
import { LastTransaction } from './last-transaction.ts'
import { BatchBuilder } from './record-batch/batch-builder.ts'
import { Sender } from './sender.ts'
import { toStreamError } from './server-error.ts'
import { requireTopics } from './topics.ts'
import { type Outcome, type ProducerId, TransactionRequests } from './transaction.ts'
import { KafkaOutput } from './writer-output.ts'
import { type WriterBatch, WriterPartition } from './writer-partition.ts'

/** The record that makes a batch full lies behind it; with most of them it still fits into a buffer of twice 128 KiB. */
const largestBatchBytes = 240 * 1024
const closingPatienceMs = 5000

/**
 * Writes batches of records, in transactions when it has a transactional id. What is appended goes out as soon as a batch
 * is full or has lingered; behind a sealed epoch it waits in memory until that one is committed.
 */
export class KafkaWriter implements LogWriter {
  readonly #cluster: Cluster
  readonly #logger: Logger
  readonly #options: LogWriterOptions
  readonly #requests: TransactionRequests
  readonly #sender: Sender
  readonly #closed: () => void
  readonly #outputs = new Map<string, Promise<KafkaOutput>>()
  readonly #partitions: WriterPartition[] = []
  readonly #filling = new Set<WriterPartition>()
  readonly #buffers: BatchBuffers
  readonly #batchBytes: number
  readonly #acknowledgements = new Acknowledgements()
  #identity: ProducerId | undefined
  /** Seals so far: the generation of what is appended now. */
  #generation = 0
  #isSealed = false
  #isOpen = false
  #openedAt = 0
  #deciding: Promise<void> | undefined
  /** The first request of the open transaction. */
  #entering: Promise<void> | undefined
  /** How the last transaction of the former owner of the id ended. */
  #former: Outcome | undefined
  #last: LastTransaction | undefined
  #hasUnsealed = false
  #bufferedBytes = 0
  #wasFull = false
  #isClosed = false
  #failure: StreamError | undefined
  #linger: CancelTimer | undefined

  constructor(cluster: Cluster, logger: Logger, options: LogWriterOptions, name: string, closed: () => void) {
    const { transactionalId, transactionTimeoutMs, maxBufferedBytes } = options
    this.#cluster = cluster
    this.#logger = logger
    this.#options = options
    this.#closed = closed
    this.#batchBytes = Math.max(Math.min(largestBatchBytes, Math.floor(maxBufferedBytes / 4)), 1)
    this.#buffers = new BatchBuffers(maxBufferedBytes, 2 * largestBatchBytes)
    this.#requests = new TransactionRequests(cluster, transactionalId, transactionTimeoutMs)
    this.#sender = new Sender(cluster, logger, name, transactionalId, this)
  }

  async init(): Promise<void> {
    if (this.#failure?.code === 'FENCED') throw this.#failure
    await this.#discard()
    this.#failure = undefined
    this.#identity = undefined
    const { identity, former } = await this.#requests.takeOver()
    this.#former = former
    this.#last = undefined
    this.#begin(identity)
  }

  committed(
    group: string,
    partitions: readonly TopicPartition[],
    outputs: readonly string[],
  ): Promise<(CommittedOffset | null)[]> {
    return committedOffsets(this.#cluster, group, partitions, () => this.#endFormer(group, outputs))
  }

  async output(topic: string): Promise<LogOutput> {
    let output = this.#outputs.get(topic)
    if (output === undefined) {
      output = this.#open(topic)
      this.#outputs.set(topic, output)
      // A topic that is missing now may exist when it is asked for again.
      output.catch(() => this.#outputs.delete(topic))
    }
    return await output
  }

  get isFull(): boolean {
    return this.#bufferedBytes > this.#options.maxBufferedBytes
  }

  get hasUnsealed(): boolean {
    return this.#hasUnsealed
  }

  check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  seal(): void {
    if (this.#isSealed) {
      throw new StreamError('INVARIANT_BROKEN', 'a second epoch was sealed before the first was committed')
    }
    this.#isSealed = this.#options.transactionalId !== null
    this.#hasUnsealed = false
    for (const partition of this.#filling) this.#close(partition)
    this.#generation++
  }

  async flush(): Promise<void> {
    this.check()
    await this.#acknowledgements.wait(this.#generation - 1)
  }

  async commit(group: string, offsets: readonly OffsetCommit[]): Promise<void> {
    if (this.#options.transactionalId === null) {
      throw new StreamError('INVARIANT_BROKEN', 'a writer without a transactional id has no transaction to commit')
    }
    this.check()
    const identity = this.#initialised()
    if (!this.#isSealed && this.#hasUnsealed) {
      throw new StreamError('INVARIANT_BROKEN', 'records were appended and not sealed before the commit')
    }
    if (this.#deciding !== undefined || this.#isClosed) {
      throw new StreamError('INVARIANT_BROKEN', 'commit() was called during another one, or after close()')
    }
    this.#deciding = this.#decide(identity, group, offsets).finally(() => {
      this.#deciding = undefined
    })
    await this.#deciding
    if (this.#isOpen) {
      const joined = this.#partitions.filter((partition) => partition.isJoined)
      this.#last = new LastTransaction(this.#requests, 'commit', joined, offsets.length > 0 ? group : null)
    }
    this.#begin(identity)
  }

  async abort(): Promise<void> {
    // An epoch that is being decided cannot be taken back. Its outcome goes to who asked for it.
    await this.#deciding?.catch(() => undefined)
    const isUnknown = await this.#discard()
    this.check()
    const { transactionalId } = this.#options
    let identity = this.#initialised()
    try {
      if (this.#isOpen) await this.#requests.end(identity, false)
      // The sequence numbers of what was sent and not acknowledged must never be used for other records.
      if (isUnknown) {
        if (transactionalId === null) identity = (await this.#requests.takeOver()).identity
        else identity = await this.#requests.nextEpoch(identity)
      }
    } catch (error) {
      throw await this.#failed(error as StreamError)
    }
    this.#begin(identity)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#linger?.()
    const identity = this.#identity
    try {
      const isUnfinished = this.#isOpen || this.#deciding !== undefined || this.#last !== undefined
      if (identity !== undefined && isUnfinished && this.#failure === undefined) await this.#finishBriefly(identity)
    } finally {
      this.#acknowledgements.reject(new StreamError('LOG_FAILED', 'the writer was closed'))
      await this.#sender.close()
      this.#closed()
    }
  }

  /** For the outputs: gives the partition a batch to fill. */
  open(partition: WriterPartition): WriterBatch {
    this.check()
    this.#initialised()
    if (this.#isClosed) throw new StreamError('INVARIANT_BROKEN', 'a record was appended to a closed writer')
    const writer = this.#buffers.take()
    const builder = new BatchBuilder(writer)
    const generation = this.#generation
    const batch: WriterBatch = {
      builder,
      writer,
      generation,
      bytes: 0,
      isReady: true,
      sequence: -1,
      wire: undefined,
      triedAt: -1,
    }
    partition.open = batch
    this.#filling.add(partition)
    this.#acknowledgements.opened(generation)
    return batch
  }

  /** For the outputs: a record was encoded. */
  appended(partition: WriterPartition, batch: WriterBatch, bytes: number): void {
    this.#hasUnsealed = true
    batch.bytes += bytes
    this.#bufferedBytes += bytes
    if (batch.bytes >= this.#batchBytes) this.#close(partition)
    else if (this.#linger === undefined) this.#startLinger()
    if (!this.#wasFull && this.isFull) {
      this.#wasFull = true
      this.#sendAll()
    }
  }

  /** For the sender. */
  closeDue(partition: WriterPartition): void {
    if (partition.open === undefined || this.#isHeld) partition.isDue = false
    else this.#close(partition)
  }

  /** For the sender. */
  async join(partitions: readonly WriterPartition[]): Promise<void> {
    if (this.#options.transactionalId === null) return
    this.#openTransaction()
    const identity = this.#initialised()
    await this.#enter((disturbed) => this.#requests.addPartitions(identity, partitions, disturbed))
  }

  /** For the sender. */
  acknowledged(batch: WriterBatch): void {
    this.#bufferedBytes -= batch.bytes
    this.#buffers.keep(batch.writer)
    this.#acknowledgements.acknowledged(batch.generation)
    this.#drained()
  }

  /** For the sender: nothing can be written any more. */
  fail(error: StreamError): void {
    void this.#failed(error)
  }

  /** What is appended now has to wait for the commit of the sealed epoch. */
  get #isHeld(): boolean {
    return this.#isSealed || this.#deciding !== undefined
  }

  async #open(topic: string): Promise<KafkaOutput> {
    const [count = 0] = await requireTopics(this.#cluster, [topic])
    const partitions = Array.from({ length: count }, (_, partition) => new WriterPartition(topic, partition))
    this.#partitions.push(...partitions)
    return new KafkaOutput(topic, partitions, this)
  }

  #initialised(): ProducerId {
    if (this.#identity !== undefined) return this.#identity
    throw new StreamError('INVARIANT_BROKEN', 'the writer was used before init() had resolved')
  }

  async #decide(identity: ProducerId, group: string, offsets: readonly OffsetCommit[]): Promise<void> {
    // What is appended from here on belongs to the next transaction.
    this.#sender.allow(this.#generation - 1, identity)
    await this.flush()
    try {
      if (offsets.length > 0) {
        this.#openTransaction()
        await this.#enter((disturbed) => this.#requests.addOffsets(identity, group, disturbed))
        await this.#requests.commitOffsets(identity, group, offsets)
      }
      if (this.#isOpen) await this.#requests.end(identity, true)
    } catch (error) {
      throw await this.#failed(error as StreamError)
    }
  }

  async #failed(error: StreamError): Promise<StreamError> {
    this.#sender.halt()
    const failure = error.code === 'FENCED' ? await this.#explain(error) : error
    this.#acknowledgements.reject(failure)
    if (this.#failure !== undefined || this.#isClosed) return failure
    this.#failure = failure
    this.#options.onAvailable()
    return failure
  }

  /**
   * The server fences a writer also when its transaction was open for too long. Then nobody else has the id, which an
   * attempt to move on to the next epoch tells.
   */
  async #explain(error: StreamError): Promise<StreamError> {
    const { transactionTimeoutMs } = this.#options
    const identity = this.#identity
    const isLate = this.#isOpen && this.#cluster.clock.now() - this.#openedAt >= transactionTimeoutMs
    if (identity === undefined || !isLate) return error
    try {
      await this.#requests.nextEpoch(identity)
    } catch (other) {
      return (other as StreamError).code === 'FENCED' ? error : (other as StreamError)
    }
    return new StreamError(
      'LOG_FAILED',
      `the transaction was open for more than ${transactionTimeoutMs} ms (transactionTimeoutMs), and the server has aborted it`,
      { cause: error },
    )
  }

  #openTransaction(): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#openedAt = this.#cluster.clock.now()
  }

  /**
   * Asks for a part in the open transaction. If the coordinator was away meanwhile, the end of the last transaction may have
   * been lost: it is ended again, which must be done before anything is part of this one.
   */
  async #enter(ask: (disturbed?: () => Promise<void>) => Promise<void>): Promise<void> {
    if (this.#entering === undefined) {
      const last = this.#last
      this.#entering = ask(last && (() => last.endAgain(this.#initialised())))
      await this.#entering
    } else {
      await this.#entering
      await ask()
    }
  }

  /** Decides what the former owner has left undecided, as it had decided it. */
  async #endFormer(group: string, outputs: readonly string[]): Promise<void> {
    const outcome = this.#former
    // Without it nothing is known, and another writer of the group may still be at it.
    if (outcome === undefined) return
    this.#logger.warn({ group, outcome }, 'the server may have lost the end of the last transaction: ending it again')
    const counts = await requireTopics(this.#cluster, outputs)
    const partitions = outputs.flatMap((topic, at) =>
      Array.from({ length: counts[at] ?? 0 }, (_, partition) => ({ topic, partition })),
    )
    await new LastTransaction(this.#requests, outcome, partitions, group).endAgain(this.#initialised())
  }

  /** A new transaction, or the first. */
  #begin(identity: ProducerId): void {
    if (identity !== this.#identity) for (const partition of this.#partitions) partition.restartSequence()
    this.#identity = identity
    this.#isSealed = false
    this.#isOpen = false
    this.#entering = undefined
    if (this.#isClosed) return
    const isPlain = this.#options.transactionalId === null
    this.#sender.allow(isPlain ? Number.POSITIVE_INFINITY : this.#generation, identity)
    for (const partition of this.#partitions) {
      partition.isJoined = false
      if (partition.open !== undefined) partition.isDue = true
      if (partition.open !== undefined || partition.queue.length > 0) this.#sender.wake(partition)
    }
    if (this.#acknowledgements.isOutstanding(this.#generation)) this.#startLinger()
    this.#drained()
  }

  /** Drops what is not acknowledged; true when some of it was sent. */
  async #discard(): Promise<boolean> {
    await this.#sender.stop()
    let isUnknown = false
    for (const partition of this.#partitions) isUnknown = partition.drop() || isUnknown
    this.#filling.clear()
    this.#bufferedBytes = 0
    this.#hasUnsealed = false
    this.#isSealed = false
    this.#acknowledgements.drop(new StreamError('LOG_FAILED', 'the records were dropped by abort() or init()'))
    return isUnknown
  }

  #close(partition: WriterPartition): void {
    const batch = partition.open
    if (batch === undefined) return
    partition.open = undefined
    partition.isDue = false
    partition.queue.push(batch)
    this.#filling.delete(partition)
    const { compression } = this.#cluster.settings
    if (compression === 'none') {
      this.#sender.wake(partition)
      return
    }
    batch.isReady = false
    batch.builder.compress(compression).then(
      () => {
        batch.isReady = true
        this.#sender.wake(partition)
      },
      (error: unknown) => this.fail(toStreamError(error, `a batch cannot be compressed with ${compression}`)),
    )
  }

  #startLinger(): void {
    if (this.#linger !== undefined || this.#isClosed) return
    this.#linger = this.#cluster.clock.setTimer(this.#cluster.settings.lingerMs, () => {
      this.#linger = undefined
      this.#sendAll()
    })
  }

  /** Batches that are not full go out as well. */
  #sendAll(): void {
    if (this.#isHeld || this.#failure !== undefined) return
    for (const partition of this.#filling) {
      partition.isDue = true
      this.#sender.wake(partition)
    }
  }

  #drained(): void {
    if (!this.#wasFull || this.isFull) return
    this.#wasFull = false
    this.#options.onAvailable()
  }

  /**
   * Lets a commit that is on its way come to its end, else aborts what is open, so that readers need not wait for the next
   * owner or for the time-out of the transaction. Who reads to the end afterwards finds everything that was committed.
   */
  async #finishBriefly(identity: ProducerId): Promise<void> {
    const finish = async (): Promise<void> => {
      if (this.#deciding !== undefined) {
        await this.#deciding
      } else if (this.#isOpen) {
        await this.#sender.stop()
        await this.#requests.end(identity, false)
      }
      await this.#requests.written()
    }
    try {
      // When the servers are away the closing does not wait for them; the transaction then ends with its time-out.
      await waitAtMost(this.#cluster.clock, closingPatienceMs, finish())
    } catch (error) {
      // A new owner has aborted it already.
      if (!(error instanceof FencedError)) {
        this.#logger.warn({ reason: (error as Error).message }, 'the open transaction could not be finished')
      }
    }
  }
}
