import type { Logger } from '../../metrics/logger.ts'
import type { Clock } from '../../time/clock.ts'
import type {
  CommittedOffset,
  GroupMember,
  JoinOptions,
  LogReader,
  LogReaderOptions,
  LogWriter,
  LogWriterOptions,
  PartitionOffset,
  TopicDescription,
  TopicPartition,
  TopicSpec,
} from '../log.ts'
import { Cluster } from './cluster.ts'
import { committedOffsets } from './committed-offsets.ts'
import { deleteRecords } from './delete-records.ts'
import { KafkaGroupMember } from './group-member.ts'
import { listOffsets } from './list-offsets.ts'
import type { KafkaSettings } from './options.ts'
import { KafkaReader } from './reader.ts'
import { createTopics, deleteTopics, describeTopics, requireTopics } from './topics.ts'
import { KafkaWriter } from './writer.ts'

interface Closable {
  close(): Promise<void>
}

/** Everything behind a connected `KafkaLog`. In a module of its own, so that the client library is loaded when it is needed. */
export class KafkaClient {
  readonly #cluster: Cluster
  readonly #logger: Logger
  readonly #open = new Set<Closable>()
  #serial = 0

  constructor(settings: KafkaSettings, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#cluster = new Cluster(settings, clock)
    this.#logger = logger
  }

  connect(): Promise<void> {
    return this.#cluster.connect()
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#open, (open) => open.close()))
    await this.#cluster.close()
  }

  describeTopics(names: readonly string[]): Promise<(TopicDescription | null)[]> {
    return describeTopics(this.#cluster, names)
  }

  createTopics(topics: readonly TopicSpec[]): Promise<void> {
    return createTopics(this.#cluster, topics)
  }

  deleteTopics(names: readonly string[]): Promise<void> {
    return deleteTopics(this.#cluster, names)
  }

  deleteRecords(before: readonly PartitionOffset[]): Promise<void> {
    return deleteRecords(this.#cluster, before)
  }

  async offsets(partitions: readonly TopicPartition[], at: 'earliest' | 'latest' | number): Promise<number[]> {
    await requireTopics(this.#cluster, [...new Set(partitions.map((partition) => partition.topic))])
    return await listOffsets(this.#cluster, partitions, at)
  }

  committed(group: string, partitions: readonly TopicPartition[]): Promise<(CommittedOffset | null)[]> {
    return committedOffsets(this.#cluster, group, partitions)
  }

  createReader(options: LogReaderOptions): LogReader {
    const reader: KafkaReader = new KafkaReader(this.#cluster, this.#logger, options, this.#name('reader'), () =>
      this.#open.delete(reader),
    )
    this.#open.add(reader)
    return reader
  }

  createWriter(options: LogWriterOptions): LogWriter {
    const writer: KafkaWriter = new KafkaWriter(this.#cluster, this.#logger, options, this.#name('writer'), () =>
      this.#open.delete(writer),
    )
    this.#open.add(writer)
    return writer
  }

  async join(options: JoinOptions): Promise<GroupMember> {
    const member: KafkaGroupMember = new KafkaGroupMember(
      this.#cluster,
      this.#logger,
      options,
      this.#name('member'),
      () => this.#open.delete(member),
    )
    this.#open.add(member)
    await member.start()
    return member
  }

  /** Readers, writers and members have connections of their own, so that none of them waits for another. */
  #name(kind: string): string {
    return `${kind}-${this.#serial++}`
  }
}
