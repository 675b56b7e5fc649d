import { CommitDriver } from '../checkpoint/commit.ts'
import type { Region } from '../plan/job-graph.ts'
import { waitAtMost } from '../time/clock.ts'
import type { Chain } from './chain.ts'
import type { EpochCollector } from './epoch-collector.ts'
import { delta, offsetCommits, resolveCommittables } from './epoch-commit.ts'
import { ExchangeCleaner } from './exchange-cleaner.ts'
import type { TaskEnvironment } from './task-environment.ts'
import type { TaskInputs } from './task-inputs.ts'
import type { TaskMetrics } from './task-metrics.ts'
import type { TaskOutputs } from './task-outputs.ts'
import type { TakenOver } from './task-take-over.ts'

/** How many epochs a barrier that is due may wait for the end of a round. */
const MAX_DEFERRED_EPOCHS = 30
/**
 * So many changed keys end an epoch before its time: a barrier collects them in one go, a microsecond or more each, in which the
 * process does nothing else, such as telling the group that it lives.
 */
const MAX_CHANGED_KEYS = 250_000
/** How long a task that is taken over waits to hear what became of its last commit. */
const LAST_COMMIT_MS = 500

export interface RecordCounts {
  readonly recordsIn: number
  readonly recordsOut: number
}

export interface TaskEpochsOptions {
  readonly region: Region
  readonly index: number
  readonly environment: TaskEnvironment
  readonly takenOver: TakenOver
  readonly inputs: TaskInputs
  readonly chain: Chain
  readonly outputs: TaskOutputs
  readonly collector: EpochCollector
  readonly metrics: TaskMetrics
  /** What the task has counted so far. */
  readonly records: () => RecordCounts
  /** Called when a commit is through, or has failed. */
  readonly onSettled: () => void
}

/** The epochs of a task: when a barrier is due, what it takes with it, and the commit behind it, one at a time. */
export class TaskEpochs {
  readonly #options: TaskEpochsOptions
  readonly #driver: CommitDriver
  readonly #exchangeCleaner: ExchangeCleaner
  #epoch: number
  #committed: number
  #committing: Promise<void> | null = null
  #failure: unknown = null
  /** The last epoch had something to publish, which is published again when the task starts from it. */
  #hasPublished: boolean
  #stopEpochs = 0
  #lastBarrierAt: number
  #committedRecords: RecordCounts = { recordsIn: 0, recordsOut: 0 }
  /** Up to the last barrier. */
  #countedRecords: RecordCounts = { recordsIn: 0, recordsOut: 0 }
  /** Something has happened since the last barrier that is to be committed. */
  isDirty = false

  constructor(options: TaskEpochsOptions) {
    const { region, environment, takenOver } = options
    this.#options = options
    this.#epoch = takenOver.epoch
    this.#committed = takenOver.epoch
    this.#hasPublished = hasCommittables(takenOver.meta?.committables ?? {})
    this.#lastBarrierAt = environment.clock.now()
    this.#exchangeCleaner = new ExchangeCleaner(region, environment)
    this.#driver = new CommitDriver({
      decider: takenOver.decider,
      group: environment.group,
      writer: takenOver.writer,
      store: takenOver.store,
      commitOffsets: (offsets) => environment.commitOffsets(offsets),
      onStep: (step) => {
        // Behind the decision: whatever happens now, nobody does these records again.
        if (step === 'apply' || step === 'publish') this.#committedRecords = this.#countedRecords
      },
    })
  }

  /** The epoch that the last barrier ended. */
  get current(): number {
    return this.#epoch
  }

  get committed(): number {
    return this.#committed
  }

  /** Of the epochs that this instance of the task has committed. */
  get committedRecords(): RecordCounts {
    return this.#committedRecords
  }

  /** Throws what made a commit fail. */
  check(): void {
    if (this.#failure !== null) throw this.#failure
  }

  /** Whether there is anything to commit, and no commit under way. */
  get mayCommit(): boolean {
    return this.isDirty && this.#committing === null && !this.#options.chain.suspendsCommits
  }

  /** When the next barrier is due. A backlog that ends brings it forward, and so does much that has changed. */
  get dueAt(): number {
    const { environment, inputs, chain } = this.#options
    if (chain.changedKeys >= MAX_CHANGED_KEYS) return this.#lastBarrierAt
    const { epochIntervalMs, backlogEpochIntervalMs } = environment
    const isLonger = backlogEpochIntervalMs !== null && inputs.isBacklog
    const deferredMs = chain.defersBarriers ? MAX_DEFERRED_EPOCHS * epochIntervalMs : 0
    return this.#lastBarrierAt + (isLonger ? backlogEpochIntervalMs : epochIntervalMs) + deferredMs
  }

  /** Lets a barrier through the chains, and begins to commit what it ends. `finished`: it is the task's last. */
  barrier(finished = false): void {
    const { region, index, environment, takenOver, inputs, chain, outputs, collector, records } = this.#options
    const startedAt = environment.clock.now()
    const epoch = ++this.#epoch
    for (const head of inputs.heads) head.receiver.onBarrier(epoch)
    takenOver.writer?.seal()
    const collected = collector.take()
    this.#countedRecords = records()
    const partitions = inputs.partitionPositions()
    const meta = {
      graphHash: environment.graph.hash,
      parallelism: region.parallelism,
      maxParallelism: environment.graph.maxParallelism,
      partitions,
      splits: inputs.splitPositions(),
      operators: {
        ...collected.operators,
        ...inputs.exchangeProgress(),
        ...chain.snapshotRounds(),
        ...inputs.snapshotSignals(),
        ...chain.snapshotSignals(),
        ...outputs.snapshotSignals(),
      },
      catalog: chain.catalog,
      finished,
    }
    const committables = resolveCommittables(collected.committables)
    this.isDirty = false
    this.#lastBarrierAt = startedAt
    this.#committing = this.#driver
      .commit({
        epoch,
        offsets: offsetCommits(region, index, environment, { epoch, partitions, finished }),
        delta: committables.then((published) => delta(epoch, { ...meta, committables: published }, collected.changes)),
        publish: async () => {
          const lists = await committables
          this.#hasPublished = hasCommittables(lists)
          await outputs.publish(lists)
        },
      })
      .then(
        () => {
          const { metrics } = this.#options
          this.#committed = epoch
          chain.onApplied(epoch)
          metrics.epochDuration.record(environment.clock.now() - startedAt)
          metrics.epochChanges.value += collected.changes.length
          metrics.epochBytes.value += collected.changes.byteLength
          this.#exchangeCleaner.onCommitted(partitions)
        },
        (error: unknown) => {
          this.#failure = error
        },
      )
      .finally(() => {
        this.#committing = null
        this.#options.onSettled()
      })
  }

  /**
   * For a task that another worker takes over: the commit under way may still be decided, and is not done again then, so its records
   * count here. The next owner need not wait for that.
   */
  async leave(): Promise<void> {
    if (this.#committing === null) return
    await waitAtMost(this.#options.environment.clock, LAST_COMMIT_MS, this.#committing)
  }

  /** Waits for the commit that is under way. Throws what made one fail. */
  async settle(): Promise<void> {
    while (this.#committing !== null) await this.#committing
    this.check()
  }

  /**
   * The last barriers of a task that is stopped: where it stands, then as many as it takes until what was published has gone on through all
   * sinks. So nothing is left that would be published once more when the task starts again, perhaps long after.
   * Returns whether that was all; between two of them the task's loop gets its turn.
   */
  async stop(): Promise<boolean> {
    if (this.#committing !== null) {
      await this.settle()
      return false
    }
    const isDone = this.#stopEpochs === 0 ? !this.isDirty && !this.#hasPublished : !this.#hasPublished
    if (isDone || this.#stopEpochs > this.#options.outputs.stages) return true
    this.#stopEpochs++
    this.barrier()
    await this.settle()
    return false
  }

  /** The last barrier, after the final watermark; and one more where there was something to publish, to note that it is. */
  async finish(): Promise<void> {
    await this.settle()
    this.barrier(true)
    await this.settle()
    if (!this.#hasPublished) return
    this.barrier(true)
    await this.settle()
  }
}

/** Whether sinks had anything to publish with an epoch. */
export function hasCommittables(committables: Readonly<Record<string, readonly unknown[]>>): boolean {
  return Object.values(committables).some((list) => list.length > 0)
}
