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
  TopicDescription,
  TopicPartition,
  TopicSpec,
} from '../log.ts'
import { MemoryGroupMember } from './group-member.ts'
import { MemoryReader } from './reader.ts'
import type { MemoryStorage } from './storage.ts'
import { MemoryWriter } from './writer.ts'

/** A client of the memory log. Its clock is that of its process, which may be another one than the servers'. */
export class MemoryLog implements Log {
  readonly kind = 'memory'
  readonly durable = false
  readonly #storage: MemoryStorage
  readonly #clock: Clock
  readonly #latencyMs: number

  constructor(storage: MemoryStorage, clock: Clock, latencyMs: number) {
    this.#storage = storage
    this.#clock = clock
    this.#latencyMs = latencyMs
  }

  describe(): string {
    return 'the memory log'
  }

  connect(): Promise<void> {
    return this.#call()
  }

  async close(): Promise<void> {}

  async describeTopics(names: readonly string[]): Promise<(TopicDescription | null)[]> {
    await this.#call()
    return names.map((name) => {
      const partitions = this.#storage.partitions(name)
      return partitions === null ? null : { name, partitions }
    })
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    await this.#call()
    for (const { name, partitions } of topics) this.#storage.createTopic(name, partitions)
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    await this.#call()
    for (const name of names) this.#storage.deleteTopic(name)
  }

  async offsets(partitions: readonly TopicPartition[], at: 'earliest' | 'latest' | number): Promise<number[]> {
    await this.#call()
    return partitions.map(({ topic, partition }) => {
      const stored = this.#storage.partition(topic, partition)
      if (at === 'earliest') return 0
      return at === 'latest' ? stored.stableOffset : stored.offsetAt(at)
    })
  }

  async committed(group: string, partitions: readonly TopicPartition[]): Promise<(CommittedOffset | null)[]> {
    await this.#call()
    return partitions.map(({ topic, partition }) => this.#storage.committed(group, topic, partition))
  }

  createReader(options: LogReaderOptions): LogReader {
    return new MemoryReader(this.#storage, options, (callback) => void this.#call().then(callback))
  }

  createWriter(options: LogWriterOptions): LogWriter {
    return new MemoryWriter(this.#storage, options, () => this.#call())
  }

  async join(options: JoinOptions): Promise<GroupMember> {
    const member = new MemoryGroupMember(this.#storage, options, this.#clock, () => this.#call())
    await member.start()
    return member
  }

  /** The way to the servers: every call takes it before its effect. */
  #call(): Promise<void> {
    if (this.#latencyMs === 0) return this.#clock.yield()
    return new Promise((resolve) => this.#clock.setTimer(this.#latencyMs, resolve))
  }
}
