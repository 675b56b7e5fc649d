import type { Clock } from '../../time/clock.ts'
import type {
  CommittedOffset,
  GroupMember,
  JoinOptions,
  Log,
  LogReader,
  LogReaderOptions,
  LogWriter,
  LogWriterOptions,
  PartitionOffset,
  TopicDescription,
  TopicPartition,
  TopicSpec,
} from '../log.ts'
import { MemoryGroupMember } from './group-member.ts'
import { MemoryReader } from './reader.ts'
import type { MemoryStorage } from './storage.ts'
import { Wire } from './wire.ts'
import { MemoryWriter } from './writer.ts'

/** A client of the memory log. Its clock is that of its process, which may be another one than the servers'. */
export class MemoryLog implements Log {
  readonly kind = 'memory'
  readonly durable = false
  readonly #storage: MemoryStorage
  readonly #clock: Clock
  readonly #wire: Wire

  constructor(storage: MemoryStorage, clock: Clock, latencyMs: (() => number) | undefined) {
    this.#storage = storage
    this.#clock = clock
    this.#wire = new Wire(clock, latencyMs)
  }

  describe(): string {
    return 'the memory log'
  }

  connect(): Promise<void> {
    return this.#wire.hop()
  }

  async close(): Promise<void> {}

  describeTopics(names: readonly string[]): Promise<(TopicDescription | null)[]> {
    return this.#wire.request(() =>
      names.map((name) => {
        const partitions = this.#storage.partitions(name)
        return partitions === null ? null : { name, partitions }
      }),
    )
  }

  createTopics(topics: readonly TopicSpec[]): Promise<void> {
    return this.#wire.request(() => {
      for (const { name, partitions } of topics) this.#storage.createTopic(name, partitions)
    })
  }

  deleteTopics(names: readonly string[]): Promise<void> {
    return this.#wire.request(() => {
      for (const name of names) this.#storage.deleteTopic(name)
    })
  }

  deleteRecords(before: readonly PartitionOffset[]): Promise<void> {
    return this.#wire.request(() => {
      for (const { topic, partition, offset } of before) this.#storage.partition(topic, partition).deleteBefore(offset)
    })
  }

  offsets(partitions: readonly TopicPartition[], at: 'earliest' | 'latest' | number): Promise<number[]> {
    return this.#wire.request(() =>
      partitions.map(({ topic, partition }) => {
        const stored = this.#storage.partition(topic, partition)
        if (at === 'earliest') return stored.start
        return at === 'latest' ? stored.stableOffset : stored.offsetAt(at)
      }),
    )
  }

  committed(group: string, partitions: readonly TopicPartition[]): Promise<(CommittedOffset | null)[]> {
    return this.#wire.request(() =>
      partitions.map(({ topic, partition }) => this.#storage.committed(group, topic, partition)),
    )
  }

  createReader(options: LogReaderOptions): LogReader {
    return new MemoryReader(this.#storage, options, this.#wire)
  }

  createWriter(options: LogWriterOptions): LogWriter {
    return new MemoryWriter(this.#storage, options, this.#wire)
  }

  async join(options: JoinOptions): Promise<GroupMember> {
    const member = new MemoryGroupMember(this.#storage, options, this.#clock, this.#wire)
    await member.start()
    return member
  }
}
