import { StreamError } from '../../errors.ts'
import type { Logger } from '../../metrics/logger.ts'
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
import type { KafkaClient } from './client.ts'
import { describeAddress, type KafkaSettings } from './options.ts'

/** The `Log` over a Kafka cluster. Loads the client libraries at `connect`, so that jobs on another log do not pay for them. */
export class KafkaLog implements Log {
  readonly kind = 'kafka'
  readonly durable = true
  readonly #settings: KafkaSettings
  readonly #context: { readonly clock: Clock; readonly logger: Logger }
  #connecting: Promise<KafkaClient> | undefined
  #client: KafkaClient | undefined

  constructor(settings: KafkaSettings, context: { readonly clock: Clock; readonly logger: Logger }) {
    this.#settings = settings
    this.#context = context
  }

  describe(): string {
    return `kafka at ${this.#settings.brokers.map(describeAddress).join(',')}`
  }

  async connect(): Promise<void> {
    this.#connecting ??= this.#connect()
    try {
      await this.#connecting
    } catch (error) {
      this.#connecting = undefined
      throw error
    }
  }

  async #connect(): Promise<KafkaClient> {
    const { KafkaClient } = await import('./client.ts')
    const client = new KafkaClient(this.#settings, this.#context)
    try {
      await client.connect()
    } catch (error) {
      await client.close()
      throw error
    }
    this.#client = client
    return client
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    this.#connecting = undefined
    await client?.close()
  }

  describeTopics(names: readonly string[]): Promise<(TopicDescription | null)[]> {
    return this.#use((client) => client.describeTopics(names))
  }

  createTopics(topics: readonly TopicSpec[]): Promise<void> {
    return this.#use((client) => client.createTopics(topics))
  }

  deleteTopics(names: readonly string[]): Promise<void> {
    return this.#use((client) => client.deleteTopics(names))
  }

  deleteRecords(before: readonly PartitionOffset[]): Promise<void> {
    return this.#use((client) => client.deleteRecords(before))
  }

  offsets(partitions: readonly TopicPartition[], at: 'earliest' | 'latest' | number): Promise<number[]> {
    return this.#use((client) => client.offsets(partitions, at))
  }

  committed(group: string, partitions: readonly TopicPartition[]): Promise<(CommittedOffset | null)[]> {
    return this.#use((client) => client.committed(group, partitions))
  }

  createReader(options: LogReaderOptions): LogReader {
    return this.#connected().createReader(options)
  }

  createWriter(options: LogWriterOptions): LogWriter {
    return this.#connected().createWriter(options)
  }

  join(options: JoinOptions): Promise<GroupMember> {
    return this.#use((client) => client.join(options))
  }

  async #use<T>(action: (client: KafkaClient) => Promise<T>): Promise<T> {
    return action(this.#connected())
  }

  #connected(): KafkaClient {
    if (this.#client !== undefined) return this.#client
    throw new StreamError(
      'LOG_FAILED',
      `${this.describe()} is not connected: call connect() first, and nothing after close()`,
    )
  }
}
