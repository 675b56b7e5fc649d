import type { Savepoint } from '../checkpoint/savepoint.ts'
import { AccumulatorSink } from '../connector/accumulator.ts'
import { OptionError } from '../errors.ts'
import { MetricRegistry } from '../metrics/metric-registry.ts'
import { mergePrometheusTexts, prometheusText } from '../metrics/prometheus.ts'
import type { JobDefinition } from '../plan/job-definition.ts'
import type { JobGraph } from '../plan/job-graph.ts'
import { taskId } from '../runtime/task-environment.ts'
import type { StateBackend } from '../state/backend.ts'
import type { StateDescriptors } from '../state/keyed/descriptor.ts'
import type { JobSettings } from './job-settings.ts'
import { type PreparedJob, prepareJob, taskEnvironment } from './prepare-job.ts'
import { restart } from './restart-strategy.ts'
import { readSavepoint } from './savepoint-writer.ts'
import { takeSavepoint } from './savepoints.ts'
import { type StateAccess, StateView } from './state-view.ts'
import type { WorkerStatus, WorkerTotals } from './status.ts'
import { ThreadWorker } from './thread/thread-worker.ts'
import { Worker, type WorkerOutcome } from './worker.ts'
import type { WorkerHandle } from './worker-handle.ts'

/** Threads share no objects: what lives in one of them is not there for the others. */
function checkThreads(graph: JobGraph, state: StateBackend): void {
  const where = { job: graph.job }
  if (!state.durable && graph.regions.some((region) => region.stateful)) {
    throw new OptionError(
      `slots above 1 run on threads, and each would have a '${state.kind}' state of its own: a task that moves would lose it. Give the run a durable backend (state: redis({ url })), or slots: 1.`,
      { where },
    )
  }
  for (const { node } of graph.regions.flatMap((region) => region.nodes)) {
    if (node.kind !== 'sink' || node.sink.kind !== 'custom' || node.sink.sink.isThreadBound !== true) continue
    throw new OptionError(
      `slots above 1 run on threads, and '${node.name}' (at ${node.callSite}) hands records to an object of this one. Use slots: 1, or write to a topic.`,
      { where },
    )
  }
}

function notReady(what: string): OptionError {
  return new OptionError(`The job has not started yet: wait for \`ready\` before ${what}.`)
}

/** Runs the workers of this process and speaks for them. */
export class JobRun {
  readonly metrics: MetricRegistry = new MetricRegistry()
  readonly #settings: JobSettings
  readonly #job: JobDefinition
  readonly #module: string | null
  readonly #firstSlot: number
  readonly #paceMemory: SharedArrayBuffer | undefined
  readonly #workers: WorkerHandle[] = []
  readonly #done = Promise.withResolvers<WorkerOutcome>()
  readonly #ready = Promise.withResolvers<void>()
  #prepared: PreparedJob | null = null
  #failure: unknown = null
  #stopping = false

  /**
   * `module` is the URL of the module that exports the job; needed for worker threads. `firstSlot` is the number of the
   * first worker in metrics. `paceMemory` is that of the run whose thread this is.
   */
  constructor(
    job: JobDefinition,
    settings: JobSettings,
    module: string | null = null,
    firstSlot = 0,
    paceMemory?: SharedArrayBuffer,
  ) {
    this.#job = job
    this.#module = module
    this.#firstSlot = firstSlot
    this.#paceMemory = paceMemory
    this.#settings = settings
    // Each is awaited by whoever cares; a failure is always delivered through `done`.
    this.#ready.promise.catch(() => {})
    this.#done.promise.catch(() => {})
  }

  get graph(): JobGraph | null {
    return this.#prepared?.graph ?? null
  }

  get done(): Promise<WorkerOutcome> {
    return this.#done.promise
  }

  get ready(): Promise<void> {
    return this.#ready.promise
  }

  get failure(): unknown {
    return this.#failure
  }

  async start(): Promise<void> {
    try {
      const prepared = await prepareJob(this.#job.build(), this.#settings, this.#paceMemory)
      this.#prepared = prepared
      if (!this.#stopping) for (let slot = 0; slot < this.#settings.slots; slot++) this.#addWorker(prepared, slot)
      await Promise.all(this.#workers.map((worker) => worker.start()))
      const ready = Promise.all(this.#workers.map((worker) => worker.ready)).then(() => this.#ready.resolve())
      ready.catch((error: unknown) => this.#ready.reject(error))
      const outcomes = await Promise.all(this.#workers.map((worker) => worker.done))
      await prepared.close()
      this.#ready.resolve()
      this.#done.resolve(this.#stopping || outcomes.includes('stopped') ? 'stopped' : 'finished')
    } catch (error) {
      await this.#fail(error)
    }
  }

  /** A view of an operator's keyed state. @throws OPTION_INVALID before the run is ready */
  state<Descriptors extends StateDescriptors>(uid: string, descriptors: Descriptors): StateView<Descriptors> {
    if (this.#prepared === null) throw notReady('reading its state')
    const { graph, state: backend } = this.#prepared
    const local: StateAccess['local'] = ({ region, index }, operator, key) => {
      for (const worker of this.#workers) {
        const found = worker.peek(taskId(region, index), operator, key)
        if (found !== undefined) return found
      }
      return undefined
    }
    return new StateView({ graph, backend, clock: this.#settings.clock, local }, uid, descriptors)
  }

  /** Commits and stops all tasks of this process until `release`. */
  async hold(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.hold()))
  }

  release(): void {
    for (const worker of this.#workers) worker.release()
  }

  /** Lets the input end where it is, and the job finish. */
  drain(): void {
    for (const worker of this.#workers) worker.drain()
  }

  /** A savepoint of the running job, which goes on afterwards. @throws OPTION_INVALID before the run is ready */
  async savepoint(): Promise<Savepoint> {
    if (this.#prepared === null) throw notReady('taking a savepoint')
    const environment = taskEnvironment(this.#prepared, this.#settings, new MetricRegistry())
    await this.hold()
    try {
      return await readSavepoint({ ...environment, commitOffsets: async () => {} })
    } finally {
      this.release()
    }
  }

  /**
   * Ends the run and takes a savepoint of it. With `drain` the input ends first and everything that waits for time goes out.
   *
   * @throws OPTION_INVALID when other processes run tasks of the job: they would go on with them
   */
  async stopWithSavepoint(drain: boolean): Promise<Savepoint> {
    if (this.#prepared === null) throw notReady('taking a savepoint')
    const others = Math.max(...this.workers().map(({ members }) => members)) - this.#workers.length
    if (others > 0) {
      throw new OptionError(
        `${others} other workers of the job run in other processes and would go on with its tasks; stop them first.`,
        { where: { job: this.#prepared.graph.job } },
      )
    }
    if (drain) {
      this.drain()
      await this.#done.promise
    } else await this.stop()
    return takeSavepoint(this.#job, this.#settings)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#workers.map((worker) => worker.stop()))
    await this.#done.promise
  }

  workers(): WorkerStatus[] {
    return this.#workers.map((worker) => worker.status())
  }

  totals(): WorkerTotals & { readonly restarts: number } {
    return this.workers().reduce(
      (sum, { totals, restarts }) => ({
        recordsIn: sum.recordsIn + totals.recordsIn,
        recordsOut: sum.recordsOut + totals.recordsOut,
        epochs: sum.epochs + totals.epochs,
        restarts: sum.restarts + restarts,
      }),
      { recordsIn: 0, recordsOut: 0, epochs: 0, restarts: 0 },
    )
  }

  /** What accumulators have come to, by their names. */
  accumulators(): Record<string, unknown> {
    const results: Record<string, unknown> = {}
    for (const { node } of (this.graph?.regions ?? []).flatMap(({ nodes }) => nodes)) {
      if (node.kind !== 'sink' || node.sink.kind !== 'custom' || !(node.sink.sink instanceof AccumulatorSink)) continue
      const { accumulator, committed } = node.sink.sink
      if (committed !== null) results[accumulator] = committed.value
    }
    return results
  }

  /** Metrics of all slots, in Prometheus' text format. */
  metricsText(): string {
    return mergePrometheusTexts([
      prometheusText(this.metrics),
      ...this.#workers.map((worker) => worker.metricsText() ?? ''),
    ])
  }

  #addWorker(prepared: PreparedJob, slot: number): void {
    const { log } = prepared
    // Threads share nothing, so a log that lives in this process is served by workers on this thread.
    if (this.#settings.slots > 1 && log.durable) this.#addThread(prepared, slot)
    else this.#addLocal(prepared, slot)
  }

  #addThread({ graph, state: backend, pace }: PreparedJob, slot: number): void {
    checkThreads(graph, backend)
    const { log, state, logger, clock: _clock, onEvent, ...plain } = this.#settings
    if (this.#module === null || !('options' in log) || !('options' in state)) {
      throw new OptionError(
        'slots above 1 need the log and the state as kafka({...}) and redis({...}), and the module that exports the job.',
      )
    }
    const settings = {
      ...plain,
      log: { kind: log.kind, options: log.options },
      state: { kind: state.kind, options: state.options },
    }
    const { hash: graphHash, job } = graph
    const start = { module: this.#module, job, slot, graphHash, settings, paceMemory: pace.memory }
    this.#workers.push(new ThreadWorker(start, logger, onEvent))
  }

  #addLocal(prepared: PreparedJob, slot: number): void {
    const settings = this.#settings
    this.#workers.push(
      new Worker({
        environment: taskEnvironment(
          prepared,
          settings,
          this.metrics.group({ job: prepared.graph.job, slot: String(this.#firstSlot + slot) }),
        ),
        // With a log that lives in this process a failure is a programmer's mistake to see at once.
        restart: settings.restart ?? (prepared.log.durable ? restart.exponential() : restart.none()),
        sessionTimeoutMs: settings.sessionTimeoutMs,
        heartbeatIntervalMs: settings.heartbeatIntervalMs,
        rebalanceTimeoutMs: settings.rebalanceTimeoutMs,
        splitDiscoveryMs: settings.splitDiscoveryMs,
        onEvent: settings.onEvent,
      }),
    )
  }

  async #fail(error: unknown): Promise<void> {
    this.#failure = error
    this.#ready.reject(error)
    // One worker's failure is the job's: the others end too, each committing what it has.
    await Promise.allSettled(this.#workers.map((worker) => worker.stop()))
    try {
      await this.#prepared?.close()
    } catch (closing) {
      this.#settings.logger.warn({ error: String(closing) }, 'Closing the connections of a failed job failed')
    }
    this.#done.reject(error)
  }
}
