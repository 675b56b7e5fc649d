import { StreamError } from '../errors.ts'
import type { MetricGroup } from '../metrics/registry.ts'
import type { Region } from '../plan/job-graph.ts'
import { BackPressureSampler } from './back-pressure.ts'
import { BusyTime } from './busy-time.ts'
import { Chain } from './chain.ts'
import { EpochCollector } from './epoch-collector.ts'
import { replayInFlight } from './in-flight.ts'
import { Mailbox } from './mailbox.ts'
import { RecordOrigins } from './record-origin.ts'
import { restoreChain } from './restore-chain.ts'
import { stateReader } from './state-reader.ts'
import { type TaskEnvironment, taskId } from './task-environment.ts'
import { hasCommittables, type RecordCounts, TaskEpochs } from './task-epochs.ts'
import { TaskInputs } from './task-inputs.ts'
import { createTaskMetrics, type TaskMetrics } from './task-metrics.ts'
import { TaskOutputs } from './task-outputs.ts'
import type { TaskState, TaskStatus } from './task-status.ts'
import { describeTask, type TakenOver, takeOver } from './task-take-over.ts'
import { WakeUp } from './wake-up.ts'

/** How a task came to its end. */
export type TaskOutcome = 'finished' | 'stopped' | 'abandoned'

/** Records that operators give from what they held before other work of the task gets its turn. */
const PRODUCE_BUDGET = 2048

/** Of a task that has not run. */
const NO_RECORDS: RecordCounts = { recordsIn: 0, recordsOut: 0 }

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
  #state: TaskState = 'restoring'
  #takenOver: TakenOver | null = null
  #chain: Chain | null = null
  #inputs: TaskInputs | null = null
  #outputs: TaskOutputs | null = null
  #epochs: TaskEpochs | null = null
  /** Something to commit came before there were epochs. */
  #wasChanged = false
  #stop: StopRequest = 'none'
  #isDraining = false
  /** What the counters said before this instance, which may not be the task's first: they go on over restarts. */
  readonly #before: RecordCounts

  /** `attempt`: how often the worker has started it before. */
  constructor(region: Region, index: number, environment: TaskEnvironment, attempt: number) {
    this.id = taskId(region.id, index)
    this.#region = region
    this.#index = index
    this.#attempt = attempt
    this.#environment = environment
    this.#busy = new BusyTime(environment.clock)
    this.#mailbox = new Mailbox(environment.clock, () => this.#wakeUp.set())
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
      ...(this.#state === 'running' ? this.#records() : (this.#epochs?.committedRecords ?? NO_RECORDS)),
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

  get #committedEpoch(): number {
    return this.#epochs?.committed ?? this.#takenOver?.epoch ?? 0
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
    const unpublished = takenOver.meta?.committables ?? {}
    // A task that has ended is only run again for what its sinks had still to publish.
    const isDone = takenOver.finished && !hasCommittables(unpublished)
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
        this.#changed()
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
    const inputs = new TaskInputs({
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
    this.#inputs = inputs
    this.#epochs = new TaskEpochs({
      region: this.#region,
      index: this.#index,
      environment: this.#environment,
      takenOver,
      inputs,
      chain,
      outputs,
      collector: this.#collector,
      metrics: this.#metrics,
      records: () => this.#records(),
      onSettled: onAvailable,
    })
    this.#epochs.isDirty = this.#wasChanged
  }

  async #loop(): Promise<TaskOutcome> {
    const { clock } = this.#environment
    const inputs = this.#inputs as TaskInputs
    const outputs = this.#outputs as TaskOutputs
    const chain = this.#chain as Chain
    const epochs = this.#epochs as TaskEpochs
    let isEndSent = false
    this.#state = 'running'
    this.#sampler.start()
    replayInFlight(this.#region, this.#takenOver?.meta ?? null, chain)
    inputs.start()
    for (;;) {
      epochs.check()
      if (this.#stop === 'abandon') {
        await epochs.leave()
        return 'abandoned'
      }
      if (this.#isDraining) inputs.endSources()
      this.#mailbox.run()
      if (this.#stop === 'commit') {
        if (chain.suspendsCommits) {
          // What is held is in no epoch: it is read again from the last commit.
          await epochs.settle()
          return 'stopped'
        }
        if (!chain.holdsBarriers) {
          if (await epochs.stop()) return 'stopped'
          continue
        }
        await this.#wait('idle')
        continue
      }
      if (inputs.ended && chain.isEmpty && outputs.isEmpty) {
        if (isEndSent) {
          await epochs.finish()
          return 'finished'
        }
        isEndSent = true
        for (const head of inputs.heads) head.receiver.onEnd()
        continue
      }
      if (epochs.mayCommit && (chain.needsCommit || outputs.needsCommit || clock.now() >= epochs.dueAt)) {
        if (chain.holdsBarriers) {
          // No more comes in before what is held has gone on, and the barrier behind it.
          await this.#wait('blocked')
          continue
        }
        epochs.barrier()
      }
      if (outputs.isFull) {
        outputs.afterBatch(true)
        await this.#wait('blocked')
        continue
      }
      this.#busy.enter('busy')
      if (chain.produce(PRODUCE_BUDGET)) {
        epochs.isDirty = true
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
        epochs.isDirty = true
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
    const epochs = this.#epochs as TaskEpochs
    const cancel =
      epochs.mayCommit && this.#chain?.holdsBarriers === false
        ? clock.setTimer(Math.max(0, epochs.dueAt - clock.now()), () => this.#wakeUp.set())
        : null
    await this.#wakeUp.wait()
    cancel?.()
  }

  #changing(callback: () => void): () => void {
    return () => {
      this.#changed()
      callback()
    }
  }

  #changed(): void {
    if (this.#epochs === null) this.#wasChanged = true
    else this.#epochs.isDirty = true
  }

  #describe(error: unknown): StreamError {
    const where = describeTask(this.#region, this.#index, this.#environment.graph.job)
    if (StreamError.is(error))
      return error.locate({ ...where, epoch: (this.#epochs?.current ?? this.#takenOver?.epoch ?? 0) + 1 })
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
