import type {
  CommittedOffset,
  GroupAssignment,
  GroupMember,
  GroupMemberInfo,
  JoinOptions,
  Log,
  LogReader,
  LogReaderOptions,
  LogWriter,
  LogWriterOptions,
  OffsetCommit,
  TopicDescription,
  TopicPartition,
  TopicSpec,
} from '../../log/log.ts'
import type { LogProvider } from '../../log/provider.ts'
import { FaultyReader } from './faulty-reader.ts'
import { FaultyWriter } from './faulty-writer.ts'
import type { WorkerFaults } from './worker-faults.ts'

/**
 * The log as one simulated worker reaches it: every asynchronous call can be its last. The client below runs on the
 * worker's clock, so that what it does in the background (heartbeats, sending) stops with the worker.
 *
 * @example
 * const faults = new WorkerFaults()
 * const handle = job.start({ log: faultyLog(log, faults), clock: faults.clock(clock) })
 */
export function faultyLog(log: LogProvider, faults: WorkerFaults): LogProvider {
  return {
    kind: log.kind,
    options: log.options,
    create: ({ clock, logger }) => new FaultyLog(log.create({ clock: faults.clock(clock), logger }), faults),
  }
}

class FaultyLog implements Log {
  readonly kind: string
  readonly durable: boolean
  readonly #log: Log
  readonly #faults: WorkerFaults

  constructor(log: Log, faults: WorkerFaults) {
    this.kind = log.kind
    this.durable = log.durable
    this.#log = log
    this.#faults = faults
  }

  describe(): string {
    return this.#log.describe()
  }

  connect(): Promise<void> {
    return this.#faults.call('log.connect', () => this.#log.connect())
  }

  close(): Promise<void> {
    return this.#faults.call('log.close', () => this.#log.close())
  }

  describeTopics(names: readonly string[]): Promise<(TopicDescription | null)[]> {
    return this.#faults.call('log.describeTopics', () => this.#log.describeTopics(names))
  }

  createTopics(topics: readonly TopicSpec[]): Promise<void> {
    return this.#faults.call('log.createTopics', () => this.#log.createTopics(topics))
  }

  deleteTopics(names: readonly string[]): Promise<void> {
    return this.#faults.call('log.deleteTopics', () => this.#log.deleteTopics(names))
  }

  offsets(partitions: readonly TopicPartition[], at: 'earliest' | 'latest' | number): Promise<number[]> {
    return this.#faults.call('log.offsets', () => this.#log.offsets(partitions, at))
  }

  committed(group: string, partitions: readonly TopicPartition[]): Promise<(CommittedOffset | null)[]> {
    return this.#faults.call('log.committed', () => this.#log.committed(group, partitions))
  }

  createReader(options: LogReaderOptions): LogReader {
    return new FaultyReader((own) => this.#log.createReader(own), options, this.#faults)
  }

  createWriter(options: LogWriterOptions): LogWriter {
    const onAvailable = (): void => this.#faults.deliver(options.onAvailable)
    return new FaultyWriter(this.#log.createWriter({ ...options, onAvailable }), this.#faults)
  }

  async join(options: JoinOptions): Promise<GroupMember> {
    const faults = this.#faults
    const own: JoinOptions = {
      ...options,
      assign: (members: readonly GroupMemberInfo[]): readonly GroupAssignment[] =>
        faults.state === 'crashed' ? [] : options.assign(members),
      onAssigned: (assignment) => faults.deliver(() => options.onAssigned(assignment)),
      onLost: (reason) => faults.deliver(() => options.onLost(reason)),
    }
    return new FaultyMember(await faults.call('log.join', () => this.#log.join(own)), faults)
  }
}

class FaultyMember implements GroupMember {
  readonly #member: GroupMember
  readonly #faults: WorkerFaults

  constructor(member: GroupMember, faults: WorkerFaults) {
    this.#member = member
    this.#faults = faults
  }

  get memberId(): string {
    return this.#member.memberId
  }

  rejoin(): void {
    this.#faults.deliver(() => this.#member.rejoin())
  }

  commitOffsets(offsets: readonly OffsetCommit[]): Promise<void> {
    return this.#faults.call('member.commitOffsets', () => this.#member.commitOffsets(offsets))
  }

  leave(): Promise<void> {
    return this.#faults.call('member.leave', () => this.#member.leave())
  }
}
