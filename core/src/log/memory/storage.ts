import { FencedError, StreamError, TopicMissingError } from '../../errors.ts'
import type { ByteWriter } from '../../serde/byte-writer.ts'
import type { CancelTimer, Clock } from '../../time/clock.ts'
import type { CommittedOffset, Header, OffsetCommit } from '../log.ts'
import { BatchBuilder, type TransactionState } from './batch.ts'
import { GroupCoordinator } from './group-coordinator.ts'
import { MemoryPartition } from './partition.ts'

/** The open transaction of one transactional id. */
export interface MemoryTransaction extends TransactionState {
  readonly partitions: Set<MemoryPartition>
  readonly cancelTimeout: CancelTimer
}

interface TransactionalId {
  epoch: number
  transaction: MemoryTransaction | null
}

/** A record of a topic as plain data, for tests and displays. */
export interface MemoryRecord {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly Header[]
}

export interface NewMemoryRecord {
  readonly key?: Uint8Array | null
  readonly value: Uint8Array | null
  readonly timestamp: number
  readonly headers?: readonly Header[]
}

/** Kafka's default for `offset.metadata.max.bytes`. */
const MAX_METADATA_BYTES = 4096

/** What the servers of a log would hold: shared by all clients that one provider makes. Every change is one synchronous call. */
export class MemoryStorage {
  readonly #clock: Clock
  readonly #topics = new Map<string, MemoryPartition[]>()
  readonly #transactionalIds = new Map<string, TransactionalId>()
  readonly #offsets = new Map<string, Map<string, CommittedOffset>>()
  readonly #groups = new Map<string, GroupCoordinator>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Does nothing for a topic that exists. */
  createTopic(name: string, partitions: number): void {
    if (!(Number.isSafeInteger(partitions) && partitions >= 1)) {
      throw new StreamError('LOG_FAILED', `Topic ${name} cannot have ${partitions} partitions.`, {
        where: { topic: name },
      })
    }
    if (this.#topics.has(name)) return
    this.#topics.set(
      name,
      Array.from({ length: partitions }, (_, partition) => new MemoryPartition(name, partition)),
    )
  }

  /** Lets a topic grow to so many partitions. */
  growTopic(name: string, partitions: number): void {
    const topic = this.#topics.get(name) ?? []
    while (topic.length < partitions) topic.push(new MemoryPartition(name, topic.length))
  }

  deleteTopic(name: string): void {
    this.#topics.delete(name)
  }

  partitions(topic: string): number | null {
    return this.#topics.get(topic)?.length ?? null
  }

  /** @throws TOPIC_MISSING */
  partition(topic: string, partition: number): MemoryPartition {
    const found = this.#topics.get(topic)?.[partition]
    if (found !== undefined) return found
    throw new TopicMissingError(
      this.#topics.has(topic)
        ? `Topic ${topic} has no partition ${partition}.`
        : `Topic ${topic} does not exist in the memory log.`,
      { where: { topic, partition } },
    )
  }

  /** Writes records at once, outside any transaction. */
  write(topic: string, partition: number, records: readonly NewMemoryRecord[]): void {
    const builder = new BatchBuilder()
    for (const { key = null, value, timestamp, headers } of records) {
      const [keyStart, keyEnd] = place(builder.writer, key)
      const [valueStart, valueEnd] = place(builder.writer, value)
      builder.add(timestamp, keyStart, keyEnd, valueStart, valueEnd, headers)
    }
    if (records.length > 0) this.partition(topic, partition).append(builder, null)
  }

  /** All committed records of a topic, partition by partition. */
  read(topic: string): MemoryRecord[] {
    const records: MemoryRecord[] = []
    for (let partition = 0; partition < (this.partitions(topic) ?? 0); partition++) {
      const stored = this.partition(topic, partition)
      for (let position = 0; ; position++) {
        const view = stored.read(position, 0)
        if (view === undefined) break
        for (let index = 0; index < view.count; index++) {
          const [keyStart, valueStart] = [view.keyStarts[index] as number, view.valueStarts[index] as number]
          records.push({
            partition,
            offset: view.offsets[index] as number,
            timestamp: view.timestamps[index] as number,
            key: keyStart < 0 ? null : view.buffer.subarray(keyStart, view.keyEnds[index]),
            value: valueStart < 0 ? null : view.buffer.subarray(valueStart, view.valueEnds[index]),
            headers: view.headers(index),
          })
        }
      }
    }
    return records
  }

  /** Fences the former owner of the id, aborts what it left open, and gives the new owner's epoch. */
  takeOver(transactionalId: string): number {
    const known = this.#transactionalIds.get(transactionalId)
    if (known === undefined) {
      this.#transactionalIds.set(transactionalId, { epoch: 0, transaction: null })
      return 0
    }
    if (known.transaction !== null) this.#end(known, 'aborted')
    return ++known.epoch
  }

  /** The open transaction of this owner, begun if there is none. @throws FENCED */
  transaction(transactionalId: string, epoch: number, timeoutMs: number): MemoryTransaction {
    const id = this.#owned(transactionalId, epoch)
    id.transaction ??= {
      state: 'open',
      partitions: new Set(),
      // An owner that is gone must not hold the readers back for ever; it is fenced, since its output is incomplete now.
      cancelTimeout: this.#clock.setTimer(timeoutMs, () => this.takeOver(transactionalId)),
    }
    return id.transaction
  }

  /** Makes the transaction's records and these offsets true in one step. @throws FENCED */
  commit(transactionalId: string, epoch: number, group: string, offsets: readonly OffsetCommit[]): void {
    const id = this.#owned(transactionalId, epoch)
    // First, since it refuses all when it refuses one.
    this.commitOffsets(group, offsets)
    if (id.transaction !== null) this.#end(id, 'committed')
  }

  /** @throws FENCED */
  abort(transactionalId: string, epoch: number): void {
    const id = this.#owned(transactionalId, epoch)
    if (id.transaction !== null) this.#end(id, 'aborted')
  }

  /** @throws LOG_FAILED for metadata that Kafka would refuse; then no offset is committed */
  commitOffsets(group: string, offsets: readonly OffsetCommit[]): void {
    for (const { topic, partition, metadata } of offsets) {
      const bytes = Buffer.byteLength(metadata)
      if (bytes <= MAX_METADATA_BYTES) continue
      throw new StreamError(
        'LOG_FAILED',
        `The metadata of an offset has ${bytes} bytes; at most ${MAX_METADATA_BYTES} fit.`,
        {
          where: { topic, partition },
        },
      )
    }
    let held = this.#offsets.get(group)
    if (held === undefined) {
      held = new Map()
      this.#offsets.set(group, held)
    }
    for (const { topic, partition, offset, metadata } of offsets)
      held.set(`${topic}/${partition}`, { offset, metadata })
  }

  committed(group: string, topic: string, partition: number): CommittedOffset | null {
    return this.#offsets.get(group)?.get(`${topic}/${partition}`) ?? null
  }

  /** As when offsets expire on a server. */
  forgetOffsets(group: string): void {
    this.#offsets.delete(group)
  }

  group(name: string): GroupCoordinator {
    let group = this.#groups.get(name)
    if (group === undefined) {
      group = new GroupCoordinator(name, this.#clock)
      this.#groups.set(name, group)
    }
    return group
  }

  #owned(transactionalId: string, epoch: number): TransactionalId {
    const id = this.#transactionalIds.get(transactionalId)
    if (id !== undefined && id.epoch === epoch) return id
    throw new FencedError(`Another writer has taken the transactional id ${transactionalId} over.`)
  }

  #end(id: TransactionalId, state: 'committed' | 'aborted'): void {
    const transaction = id.transaction as MemoryTransaction
    id.transaction = null
    transaction.cancelTimeout()
    transaction.state = state
    for (const partition of transaction.partitions) partition.mark()
  }
}

function place(writer: ByteWriter, bytes: Uint8Array | null): [number, number] {
  if (bytes === null) return [-1, -1]
  const start = writer.position
  writer.writeBytes(bytes)
  return [start, writer.position]
}
