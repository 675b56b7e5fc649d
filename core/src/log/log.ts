import type { Serde } from '../serde/serde.ts'

/*
 * The Log SPI: partitioned, replayable, transactional topics with group membership. It moves bytes in batches,
 * never message objects; nothing above it knows which client or server is below.
 * Every implementation passes the same contract suite (test/contract/log.contract.ts).
 *
 * Failures: every method rejects with a StreamError. `CONNECTION_FAILED` names the server that could not be reached
 * within the configured wait; `FENCED` says that another writer took the transactional id over; all else is `LOG_FAILED`
 * with its cause. Retriable server answers (leader changes, coordinator loading, concurrent transactions) are retried inside.
 */

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** An offset to read from next. Offsets are safe integers. */
export interface PartitionOffset extends TopicPartition {
  readonly offset: number
}

export interface Header {
  readonly key: string
  readonly value: Uint8Array
}

/** A range of records of one partition, as fetched: one buffer and where everything lies in it. */
export interface LogBatch {
  readonly topic: string
  readonly partition: number
  /** Number of records; may be 0 when a range held only control records or aborted transactions. */
  readonly count: number
  readonly buffer: Buffer
  readonly offsets: Float64Array
  /** Milliseconds since the Unix epoch, as stored by the producer (or the server, where the topic says so). */
  readonly timestamps: Float64Array
  /** Start and end of each key in `buffer`; a start of -1 means a null key. */
  readonly keyStarts: Int32Array
  readonly keyEnds: Int32Array
  /** Start and end of each value in `buffer`; a start of -1 means a null value (a tombstone). */
  readonly valueStarts: Int32Array
  readonly valueEnds: Int32Array
  /** The offset to read from after this batch; beyond the last record's where control records follow. */
  readonly nextOffset: number
  /** Decodes the headers of one record; only when somebody asks. */
  headers(index: number): readonly Header[]
}

export interface LogReaderOptions {
  /** Bytes fetched and not yet taken, over all partitions, beyond which fetching pauses. */
  readonly maxBufferedBytes: number
  /** Called when a batch becomes available after `take` gave none, or when `error` was set. */
  readonly onAvailable: () => void
  /**
   * Nobody looks at the bytes of a batch after the next `take`, so other records may be read into the same memory.
   * @default false
   */
  readonly reusesMemory?: boolean
  /**
   * How far a partition has come: of those with something to take, the one with the lowest comes first. Those of equal rank
   * take turns, and so do those with none (NaN). A reader that fetches may give nothing for a moment when records of one
   * further back are on their way.
   */
  readonly rank?: (topic: string, partition: number) => number
}

/**
 * Reads committed records of the assigned partitions, in order within each partition, ahead of the consumer by a bounded
 * number of bytes: a consumer that does not take pauses the fetching, which is the back-pressure.
 */
export interface LogReader {
  /** Starts reading these partitions at these offsets, beside those already read. */
  add(partitions: readonly PartitionOffset[]): void
  /** Stops reading these partitions; what was fetched of them is dropped. */
  remove(partitions: readonly TopicPartition[]): void
  /** Holds single partitions back without losing their place; used to align sources. */
  pause(partitions: readonly TopicPartition[]): void
  resume(partitions: readonly TopicPartition[]): void
  /** The next fetched batch, or undefined. Throws what made the reader fail for good, e.g. OFFSETS_LOST. */
  take(): LogBatch | undefined
  /** Highest known end of the partition (last stable offset), or undefined before the first fetch of it. For lag metrics. */
  endOffset(topic: string, partition: number): number | undefined
  close(): Promise<void>
}

/** The outlet to one topic, got once and used for every record. Synchronous: it encodes into the open batch. */
export interface LogOutput {
  readonly topic: string
  readonly partitions: number
  append<T>(
    partition: number,
    timestamp: number,
    key: Uint8Array | null,
    value: T,
    serde: Serde<T>,
    headers?: readonly Header[],
  ): void
  /** As `append`, for a value that is bytes already, or a tombstone. */
  appendBytes(
    partition: number,
    timestamp: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers?: readonly Header[],
  ): void
}

/** An input offset to commit: the next offset to read, and what the committer wants to find again beside it (at most 4,000 bytes). */
export interface OffsetCommit extends PartitionOffset {
  readonly metadata: string
}

export interface LogWriterOptions {
  /** Null: plain idempotent writes, visible at once, no transaction. */
  readonly transactionalId: string | null
  /** The server aborts a transaction that is open longer, in milliseconds. */
  readonly transactionTimeoutMs: number
  /** Appended and not yet acknowledged bytes beyond which `isFull` becomes true. */
  readonly maxBufferedBytes: number
  /** Called when the writer was full and no longer is, or when it failed in the background. */
  readonly onAvailable: () => void
}

/**
 * Writes records in transactions that can be pipelined: `seal` ends an epoch's output, and what is appended afterwards
 * waits in memory for the next transaction while the sealed one commits.
 *
 *     append* → seal → commit (flush, offsets, decision) ┐
 *                 append* → seal → …  (after it) ────────┘
 */
export interface LogWriter {
  /**
   * Takes the transactional id over: the former owner is fenced, its open transaction is aborted or its decided one finished.
   * Nothing may be appended before. Without a transactional id it only connects.
   */
  init(): Promise<void>
  /**
   * As `committed` of the log, asked by the owner of the transactional id between `init` and the first record. Where the log
   * has lost the end of the former owner's last transaction, in the group or in the topics that it writes, it is ended again.
   */
  committed(
    group: string,
    partitions: readonly TopicPartition[],
    outputs: readonly string[],
  ): Promise<(CommittedOffset | null)[]>
  /** @throws TOPIC_MISSING */
  output(topic: string): Promise<LogOutput>
  /** True when appended bytes exceed the bound; the caller should wait for `onAvailable`. */
  readonly isFull: boolean
  /** True when something was appended since the last seal. */
  readonly hasUnsealed: boolean
  /** Throws what failed in the background, so that a caller that only appends hears of it. */
  check(): void
  /** Ends the epoch's output. At most one sealed epoch may be uncommitted. */
  seal(): void
  /** Resolves when everything sealed is acknowledged by the log. */
  flush(): Promise<void>
  /**
   * Makes the sealed output and these offsets true in one step (the decision). With nothing sealed and offsets given it
   * commits the offsets alone. Only with a transactional id.
   * When it rejects with anything but FENCED the outcome may be unknown: only a new `init` and `committed` tell.
   */
  commit(group: string, offsets: readonly OffsetCommit[]): Promise<void>
  /** Drops everything that is not committed. */
  abort(): Promise<void>
  /** What was committed can be read when it resolves, unless the servers are away. */
  close(): Promise<void>
}

export interface TopicDescription {
  readonly name: string
  readonly partitions: number
}

export interface TopicSpec {
  readonly name: string
  readonly partitions: number
  /** Server settings, e.g. `retention.ms`. */
  readonly config?: Readonly<Record<string, string>>
}

export interface CommittedOffset {
  readonly offset: number
  readonly metadata: string
}

export interface GroupMemberInfo {
  readonly memberId: string
  readonly metadata: Uint8Array
}

export interface GroupAssignment {
  readonly memberId: string
  readonly assignment: Uint8Array
  /** The input partitions behind the assignment, so that the log's own tools can show them. */
  readonly partitions: readonly TopicPartition[]
}

export interface JoinOptions {
  readonly group: string
  /** The topics that the job reads, for the log's own tools; may be empty. */
  readonly topics: readonly string[]
  /** Asked at every join and re-join. */
  readonly metadata: () => Uint8Array
  /** Called on the member that the group elected as its leader. Members that are not in the result get an empty assignment. */
  readonly assign: (members: readonly GroupMemberInfo[]) => readonly GroupAssignment[]
  /** A new assignment, after every rebalance, also when it did not change. Must not throw. */
  readonly onAssigned: (assignment: Uint8Array) => void
  /** The membership was lost (session expired, server away); the member tries to join again by itself. */
  readonly onLost: (reason: unknown) => void
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly rebalanceTimeoutMs: number
}

export interface GroupMember {
  readonly memberId: string
  /** Asks the group for a new assignment, because this member's metadata has changed. */
  rejoin(): void
  /** Commits offsets outside any transaction, as a member of the group (at-least-once jobs). */
  commitOffsets(offsets: readonly OffsetCommit[]): Promise<void>
  /** Leaves the group at once, so that others need not wait for the session to expire. */
  leave(): Promise<void>
}

export interface Log {
  /** `memory`, `kafka`. */
  readonly kind: string
  /** True when topics and offsets outlive this process. */
  readonly durable: boolean
  /** Address for people, without secrets. */
  describe(): string
  /** Resolves when the log can be used. @throws CONNECTION_FAILED after the bounded wait, naming the address. */
  connect(): Promise<void>
  close(): Promise<void>
  /** In the order asked; null for a topic that does not exist. */
  describeTopics(names: readonly string[]): Promise<(TopicDescription | null)[]>
  /** Creates what is missing and resolves when it can be used; a topic that exists is left as it is. */
  createTopics(topics: readonly TopicSpec[]): Promise<void>
  deleteTopics(names: readonly string[]): Promise<void>
  /** Lets go of the records below these offsets: they are then no longer there to be read. */
  deleteRecords(before: readonly PartitionOffset[]): Promise<void>
  /**
   * The first offset that is still there, the end of the committed records, or the first offset whose timestamp
   * (milliseconds) is the given one or later (the end when there is none).
   */
  offsets(partitions: readonly TopicPartition[], at: 'earliest' | 'latest' | number): Promise<number[]>
  /** What the group committed, stable: never the offset of a transaction that is still undecided. */
  committed(group: string, partitions: readonly TopicPartition[]): Promise<(CommittedOffset | null)[]>
  createReader(options: LogReaderOptions): LogReader
  createWriter(options: LogWriterOptions): LogWriter
  join(options: JoinOptions): Promise<GroupMember>
}
