import { CommitDriver } from '../checkpoint/commit.ts'
import { StreamError } from '../errors.ts'
import type { MetricGroup } from '../metrics/registry.ts'
import type { Region } from '../plan/job-graph.ts'
import { BackPressureSampler } from './back-pressure.ts'
import { BusyTime } from './busy-time.ts'
import { Chain } from './chain.ts'
import { EpochCollector } from './epoch-collector.ts'
import { changedBytes, delta, offsetCommits, resolveCommittables } from './epoch-commit.ts'
import { ExchangeCleaner } from './exchange-cleaner.ts'
import { replayInFlight } from './in-flight.ts'
import { Mailbox } from './mailbox.ts'
import { RecordOrigins } from './record-origin.ts'
import { restoreChain } from './restore-chain.ts'
import { stateReader } from './state-reader.ts'
import { type TaskEnvironment, taskId } from './task-environment.ts'
import { TaskInputs } from './task-inputs.ts'
import { createTaskMetrics, type TaskMetrics } from './task-metrics.ts'
import { TaskOutputs } from './task-outputs.ts'
import type { TaskState, TaskStatus } from './task-status.ts'
import { describeTask, type TakenOver, takeOver } from './task-take-over.ts'
import { WakeUp } from './wake-up.ts'

/** How a task came to its end. */
export type TaskOutcome = 'finished' | 'stopped' | 'abandoned'

interface RecordCounts {
  readonly recordsIn: number
  readonly recordsOut: number
}

/** Records that operators give from what they held before other work of the task gets its turn. */
const PRODUCE_BUDGET = 2048
/** How many epochs a barrier that is due may wait for the end of a round. */
const MAX_DEFERRED_EPOCHS = 30

type StopRequest = 'none' | 'commit' | 'abandon'

/**
 * One parallel instance of a region: takes over, restores, then loops: run a batch through the chains, let barriers
 * through when they are due, wait when there is nothing to do or when what is downstream is full.
 * Everything of a task happens in this loop, one thing after the other; other code only wakes it.
 */
export class Task {
  readonly id: string
  readonly #region: Region
  readonly #index: number
  readonly #attempt: number
  readonly #environment: TaskEnvironment
  readonly #wakeUp = new WakeUp()
  readonly #collector = new EpochCollector()
  readonly #busy: BusyTime
  readonly #sampler: BackPressureSampler
  readonly #metrics: TaskMetrics
  readonly #metricGroup: MetricGroup
  readonly #mailbox: Mailbox
  readonly #exchangeCleaner: ExchangeCleaner
  #state: TaskState = 'restoring'
  #takenOver: TakenOver | null = null
  #chain: Chain | null = null
  #inputs: TaskInputs | null = null
  #outputs: TaskOutputs | null = null
  #driver: CommitDriver | null = null
  #epoch = 0
  #committedEpoch = 0
  #committing: Promise<void> | null = null
  #commitFailure: unknown = null
  #isDirty = false
  /** The last epoch had something to publish, which is published again when the task starts from it. */
  #hasPublished = false
  #stopEpochs = 0
  #lastBarrierAt = 0
  #stop: StopRequest = 'none'
  #isDraining = false
  /** What the counters said before this instance, which may not be the task's first: they go on over restarts. */
  readonly #before: RecordCounts
  /** Of the epochs that this instance has committed. */
  #committedRecords: RecordCounts = { recordsIn: 0, recordsOut: 0 }

  /** `attempt`: how often the worker has started it before. */
  constructor(region: Region, index: number, environment: TaskEnvironment, attempt: number) {
    this.id = taskId(region.id, index)
    this.#region = region
    this.#index = index
    this.#attempt = attempt
    this.#environment = environment
    this.#busy = new BusyTime(environment.clock)
    this.#mailbox = new Mailbox(environment.clock, () => this.#wakeUp.set())
    this.#exchangeCleaner = new ExchangeCleaner(region, environment)
    this.#sampler = new BackPressureSampler(
      environment.clock,
      environment.backPressure,
      () => this.#busy.activity === 'blocked',
    )
    this.#metricGroup = environment.metrics.group({ task: this.id })
    this.#metrics = createTaskMetrics(this.#metricGroup, {
      busy: this.#busy,
      epoch: () => this.#committedEpoch,
      watermark: () => this.#inputs?.watermark ?? Number.NEGATIVE_INFINITY,
      lag: () => this.#inputs?.lag() ?? 0,
      now: () => environment.clock.now(),
    })
    this.#before = { recordsIn: this.#metrics.recordsIn.value, recordsOut: this.#metrics.recordsOut.value }
  }

  /**
   * Runs to the end of the input or until it is stopped.
   * Rejects with a StreamError that says where; its `reaction` tells what the worker should do.
   */
  async run(): Promise<TaskOutcome> {
    try {
      await this.#open()
      if (this.#takenOver?.finished) {
        this.#state = 'finished'
        return 'finished'
      }
      const outcome = await this.#loop()
      this.#state = outcome === 'finished' ? 'finished' : 'stopped'
      return outcome
    } catch (error) {
      this.#state = 'failed'
      throw this.#describe(error)
    } finally {
      await this.#close()
    }
  }

  /** Asks for a final commit and the end. */
  stop(): void {
    if (this.#stop === 'none') this.#stop = 'commit'
    this.#wakeUp.set()
  }

  /** Lets the sources end where they are. */
  drain(): void {
    this.#isDraining = true
    this.#wakeUp.set()
  }

  /** Ends at once; what is not committed is left to the next owner. */
  abandon(): void {
    this.#stop = 'abandon'
    this.#wakeUp.set()
  }

  /** The state of a key as it is now; undefined when there is none here. */
  peek(uid: string, key: unknown): object | undefined {
    return this.#state === 'running' ? this.#chain?.operators.get(uid)?.peek(key) : undefined
  }

  status(): TaskStatus {
    const watermark = this.#inputs?.watermark ?? Number.NEGATIVE_INFINITY
    return {
      id: this.id,
      state: this.#state,
      epoch: this.#committedEpoch,
      epochs: this.#committedEpoch - (this.#takenOver?.epoch ?? 0),
      // What an instance leaves uncommitted is done again by the next one, which counts it.
      ...(this.#state === 'running' ? this.#records() : this.#committedRecords),
      watermark: Number.isFinite(watermark) ? watermark : null,
      lag: this.#inputs?.lag() ?? null,
      busyMs: this.#busy.total('busy'),
      idleMs: this.#busy.total('idle'),
      blockedMs: this.#busy.total('blocked'),
      backPressure: this.#sampler.latest,
      epochDurationMs: {
        p50: this.#metrics.epochDuration.percentile(50),
        p99: this.#metrics.epochDuration.percentile(99),
      },
    }
  }

  #records(): RecordCounts {
    const { recordsIn, recordsOut } = this.#metrics
    return {
      recordsIn: recordsIn.value - this.#before.recordsIn,
      recordsOut: recordsOut.value - this.#before.recordsOut,
    }
  }

  async #open(): Promise<void> {
    const { clock, graph, logger } = this.#environment
    const onAvailable = (): void => this.#wakeUp.set()
    const takenOver = await takeOver(this.#region, this.#index, this.#environment, onAvailable)
    this.#takenOver = takenOver
    this.#epoch = takenOver.epoch
    this.#committedEpoch = takenOver.epoch
    const unpublished = takenOver.meta?.committables ?? {}
    this.#hasPublished = hasAny(unpublished)
    // A task that has ended is only run again for what its sinks had still to publish.
    const isDone = takenOver.finished && !this.#hasPublished
    if (isDone || this.#stop === 'abandon') return
    const origins = new RecordOrigins()
    const outputs = await TaskOutputs.open({
      region: this.#region,
      index: this.#index,
      environment: this.#environment,
      writer: takenOver.writer,
      barriers: this.#collector,
      onAvailable,
      written: this.#metrics.recordsOut,
      origins,
      onIdleWritten: () => {
        this.#isDirty = true
        this.#wakeUp.set()
      },
      post: (callback) => this.#mailbox.post(this.#changing(callback)),
    })
    this.#outputs = outputs
    if (takenOver.finished) {
      await outputs.publish(unpublished)
      return
    }
    const chain = Chain.build(this.#region, {
      job: graph.job,
      index: this.#index,
      attempt: this.#attempt,
      maxParallelism: graph.maxParallelism,
      clock,
      metrics: this.#metricGroup,
      logger,
      delta: this.#collector,
      stateReader: stateReader(takenOver, this.#environment.stateCacheKeys),
      memory: this.#environment.memory,
      schedule: (timeMs, callback) => this.#mailbox.schedule(timeMs, this.#changing(callback)),
      post: (callback) => this.#mailbox.post(this.#changing(callback)),
      sink: (uid) => outputs.sink(uid),
      exchange: (id) => outputs.exchange(id),
    })
    this.#chain = chain
    outputs.attach((uid) => chain.output(uid))
    await restoreChain(chain, takenOver, this.#region, this.#index, this.#environment)
    await outputs.publish(unpublished)
    outputs.restoreSignals(takenOver.meta?.operators ?? {})
    await chain.open()
    this.#inputs = new TaskInputs({
      region: this.#region,
      index: this.#index,
      environment: this.#environment,
      chain,
      takenOver,
      output: (topic) => outputs.topic(topic),
      setTimer: (delayMs, callback) => this.#mailbox.schedule(clock.now() + delayMs, callback),
      onAvailable,
      undecodable: this.#metrics.undecodable,
      bytesIn: this.#metrics.bytesIn,
      origins,
    })
    this.#driver = new CommitDriver({
      decider: takenOver.decider,
      group: this.#environment.group,
      writer: takenOver.writer,
      store: takenOver.store,
      commitOffsets: (offsets) => this.#environment.commitOffsets(offsets),
    })
  }

  async #loop(): Promise<TaskOutcome> {
    const { clock } = this.#environment
    const inputs = this.#inputs as TaskInputs
    const outputs = this.#outputs as TaskOutputs
    const chain = this.#chain as Chain
    let isEndSent = false
    this.#state = 'running'
    this.#lastBarrierAt = clock.now()
    this.#sampler.start()
    replayInFlight(this.#region, this.#takenOver?.meta ?? null, chain)
    inputs.start()
    for (;;) {
      if (this.#commitFailure !== null) throw this.#commitFailure
      if (this.#stop === 'abandon') return 'abandoned'
      if (this.#isDraining) inputs.endSources()
      this.#mailbox.run()
      if (this.#stop === 'commit') {
        if (chain.suspendsCommits) {
          // What is held is in no epoch: it is read again from the last commit.
          await this.#commitEnd()
          return 'stopped'
        }
        if (!chain.holdsBarriers) {
          if (await this.#stopEpoch()) return 'stopped'
          continue
        }
        await this.#wait('idle')
        continue
      }
      if (inputs.ended && chain.isEmpty && outputs.isEmpty) {
        if (isEndSent) {
          await this.#finalEpoch()
          return 'finished'
        }
        isEndSent = true
        for (const head of inputs.heads) head.receiver.onEnd()
        continue
      }
      if (this.#mayCommit && (chain.needsCommit || outputs.needsCommit || clock.now() >= this.#barrierAt(chain))) {
        if (chain.holdsBarriers) {
          // No more comes in before what is held has gone on, and the barrier behind it.
          await this.#wait('blocked')
          continue
        }
        this.#barrier(false)
      }
      if (outputs.isFull) {
        outputs.afterBatch(true)
        await this.#wait('blocked')
        continue
      }
      this.#busy.enter('busy')
      if (chain.produce(PRODUCE_BUDGET)) {
        this.#isDirty = true
        outputs.afterBatch(false)
        await clock.yield()
        continue
      }
      if (chain.isFull) {
        outputs.afterBatch(true)
        await this.#wait('blocked')
        continue
      }
      const records = inputs.poll()
      if (records >= 0) {
        this.#isDirty = true
        this.#metrics.recordsIn.value += records
        outputs.afterBatch(false)
        await clock.yield()
        continue
      }
      outputs.afterBatch(true)
      await this.#wait('idle')
    }
  }

  async #wait(activity: 'idle' | 'blocked'): Promise<void> {
    this.#busy.enter(activity)
    const { clock } = this.#environment
    const cancel =
      this.#mayCommit && this.#chain?.holdsBarriers === false
        ? clock.setTimer(Math.max(0, this.#barrierAt(this.#chain) - clock.now()), () => this.#wakeUp.set())
        : null
    await this.#wakeUp.wait()
    cancel?.()
  }

  #barrierAt(chain: Chain): number {
    const deferredMs = chain.defersBarriers ? MAX_DEFERRED_EPOCHS * this.#environment.epochIntervalMs : 0
    return this.#nextBarrierAt + deferredMs
  }

  /** By the clock. A backlog that ends brings it forward. */
  get #nextBarrierAt(): number {
    const { epochIntervalMs, backlogEpochIntervalMs } = this.#environment
    const isLonger = backlogEpochIntervalMs !== null && this.#inputs?.isBacklog === true
    return this.#lastBarrierAt + (isLonger ? backlogEpochIntervalMs : epochIntervalMs)
  }

  /** Whether there is anything to commit, and no commit under way. */
  get #mayCommit(): boolean {
    return this.#isDirty && this.#committing === null && this.#chain?.suspendsCommits !== true
  }

  #changing(callback: () => void): () => void {
    return () => {
      this.#isDirty = true
      callback()
    }
  }

  #barrier(finished: boolean): void {
    const inputs = this.#inputs as TaskInputs
    const chain = this.#chain as Chain
    const outputs = this.#outputs as TaskOutputs
    const startedAt = this.#environment.clock.now()
    const epoch = ++this.#epoch
    for (const head of inputs.heads) head.receiver.onBarrier(epoch)
    this.#takenOver?.writer?.seal()
    const collected = this.#collector.take()
    const records = this.#records()
    const partitions = inputs.partitionPositions()
    const meta = {
      graphHash: this.#environment.graph.hash,
      parallelism: this.#region.parallelism,
      maxParallelism: this.#environment.graph.maxParallelism,
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
    this.#isDirty = false
    this.#lastBarrierAt = startedAt
    this.#committing = (this.#driver as CommitDriver)
      .commit({
        epoch,
        offsets: offsetCommits(this.#region, this.#index, this.#environment, { epoch, partitions, finished }),
        delta: committables.then((published) => delta(epoch, { ...meta, committables: published }, collected.changes)),
        publish: async () => {
          const lists = await committables
          this.#hasPublished = hasAny(lists)
          await this.#outputs?.publish(lists)
        },
      })
      .then(
        () => {
          this.#committedEpoch = epoch
          this.#chain?.onApplied(epoch)
          this.#committedRecords = records
          this.#metrics.epochDuration.record(this.#environment.clock.now() - startedAt)
          this.#metrics.epochChanges.value += collected.changes.length
          this.#metrics.epochBytes.value += changedBytes(collected.changes)
          this.#exchangeCleaner.onCommitted(partitions)
        },
        (error: unknown) => {
          this.#commitFailure = error
        },
      )
      .finally(() => {
        this.#committing = null
        this.#wakeUp.set()
      })
  }

  /**
   * The last barriers of a task that is stopped: where it stands, then as many as it takes until what was published has gone on through all
   * sinks. So nothing is left that would be published once more when the task starts again, perhaps long after.
   * Returns whether that was all; between two of them the loop gets its turn.
   */
  async #stopEpoch(): Promise<boolean> {
    if (this.#committing !== null) {
      await this.#commitEnd()
      return false
    }
    const stages = (this.#outputs as TaskOutputs).stages
    const isDone = this.#stopEpochs === 0 ? !this.#isDirty && !this.#hasPublished : !this.#hasPublished
    if (isDone || this.#stopEpochs > stages) return true
    this.#stopEpochs++
    this.#barrier(false)
    await this.#commitEnd()
    return false
  }

  /** The last barrier, after the final watermark; and one more where there was something to publish, to note that it is. */
  async #finalEpoch(): Promise<void> {
    await this.#commitEnd()
    this.#barrier(true)
    await this.#commitEnd()
    if (!this.#hasPublished) return
    this.#barrier(true)
    await this.#commitEnd()
  }

  async #commitEnd(): Promise<void> {
    while (this.#committing !== null) await this.#committing
    if (this.#commitFailure !== null) throw this.#commitFailure
  }

  #describe(error: unknown): StreamError {
    const where = describeTask(this.#region, this.#index, this.#environment.graph.job)
    if (StreamError.is(error)) return error.locate({ ...where, epoch: this.#epoch + 1 })
    const text = error instanceof Error ? error.message : String(error)
    return new StreamError('WORKER_FAILED', `The task failed: ${text}`, { where, cause: error })
  }

  async #close(): Promise<void> {
    this.#mailbox.close()
    this.#sampler.stop()
    const { writer, store } = this.#takenOver ?? {}
    const parts = [this.#inputs, this.#chain, this.#outputs, writer, store]
    for (const part of parts) {
      try {
        await part?.close()
      } catch (error) {
        // The task has its outcome already; what fails while it is put away must not replace it.
        this.#environment.logger.warn({ task: this.id, error: String(error) }, 'A part of a task failed while closing')
      }
    }
  }
}

function hasAny(committables: Readonly<Record<string, readonly unknown[]>>): boolean {
  return Object.values(committables).some((list) => list.length > 0)
}
