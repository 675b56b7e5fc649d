import type { ByteWriter } from '../../serde/byte-writer.ts'
import type { BatchBuilder } from './record-batch/batch-builder.ts'

/** A record batch on its way: being filled, then waiting, then sent until it is acknowledged. */
export interface WriterBatch {
  readonly builder: BatchBuilder
  readonly writer: ByteWriter
  /** The number of seals before it. */
  readonly generation: number
  /** What it counts against the writer's bound. */
  bytes: number
  /** False while it is being compressed. */
  isReady: boolean
  /** -1 until it is sent for the first time; a repetition must have the same, so that the server knows it again. */
  sequence: number
  /** As it goes over the wire, from the first time on. */
  wire: Buffer | undefined
  /** When it was first tried to send it, for the delivery time-out; -1 before. */
  triedAt: number
}

/** Kafka remembers the last five batches of a producer for each partition: more in flight could not be told apart. */
const widestWindow = 5
const sequences = 2 ** 31

/** What a writer has for one partition, in order. */
export class WriterPartition {
  readonly topic: string
  readonly partition: number
  /** The batch that takes records now. */
  open: WriterBatch | undefined
  /** It may be sent although it is not full. */
  isDue = false
  /** Closed batches: the first `sent` of them were sent and are not acknowledged. */
  readonly queue: WriterBatch[] = []
  sent = 0
  /** Answers to wait for; less than `sent` where batches have failed. */
  inFlight = 0
  /** Something failed: everything is sent again, in order, when all answers are here. */
  isRecovering = false
  /** It is part of the open transaction. */
  isJoined = false
  #nextSequence = 0
  /**
   * How many batches may be in flight. A server that knows no earlier batch of this producer would take any for the first
   * one, so the first goes alone; from then on it refuses what comes out of order.
   */
  #window = 1

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  /** Everything closed is sent, and one more could be in flight. */
  get isIdle(): boolean {
    return this.queue.length === this.sent && !this.isRecovering && this.inFlight < this.#window
  }

  /** The next batch to send, when there may be one in flight more. */
  sendable(lastGeneration: number): WriterBatch | undefined {
    if (this.isRecovering || this.inFlight >= this.#window) return undefined
    const batch = this.queue[this.sent]
    return batch?.isReady && batch.generation <= lastGeneration ? batch : undefined
  }

  /** The sequence number of the next batch; there is one for each record. */
  takeSequence(records: number): number {
    const sequence = this.#nextSequence
    this.#nextSequence = (sequence + records) % sequences
    return sequence
  }

  /** @returns false for a batch that was dropped meanwhile */
  acknowledge(batch: WriterBatch): boolean {
    const index = this.queue.indexOf(batch)
    if (index < 0) return false
    this.queue.splice(index, 1)
    this.sent--
    this.#window = widestWindow
    return true
  }

  /** Starts the queue again from its first batch. */
  recover(): void {
    this.sent = 0
    this.isRecovering = false
    this.#window = 1
  }

  /** Forgets everything that is not acknowledged; returns true when some of it was sent, so that its fate is unknown. */
  drop(): boolean {
    const hasSent = this.queue.some((batch) => batch.sequence >= 0)
    this.queue.length = 0
    this.open = undefined
    this.isDue = false
    this.isJoined = false
    this.recover()
    return hasSent
  }

  /** The producer has a new epoch or id, of which the server has seen nothing. */
  restartSequence(): void {
    this.#nextSequence = 0
    this.#window = 1
  }
}
