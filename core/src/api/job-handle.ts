import { writeFile } from 'node:fs/promises'
import { encodeSavepoint } from '../checkpoint/savepoint.ts'
import type { JobRun } from '../cluster/job-run.ts'
import type { StateView } from '../cluster/state-view.ts'
import type { WorkerState, WorkerStatus } from '../cluster/status.ts'
import type { StateDescriptors } from '../state/keyed/descriptor.ts'
import type { Clock } from '../time/clock.ts'

/** What a run did, as far as the workers of this process saw it. */
export interface JobResult {
  readonly job: string
  /** `finished`: all input was read and committed. `stopped`: asked to end. */
  readonly outcome: 'finished' | 'stopped'
  readonly durationMs: number
  readonly recordsIn: number
  readonly recordsOut: number
  /** Committed epochs over all tasks. */
  readonly epochs: number
  readonly restarts: number
  /** Results of `DataSet.accumulate` and `counter`, by their names. */
  readonly accumulators: Readonly<Record<string, unknown>>
}

export interface JobStatus {
  readonly job: string
  readonly graphHash: string | null
  readonly workers: readonly WorkerStatus[]
}

/** For probes: liveness is `live`, readiness is `ready`. */
export interface JobHealth {
  /** False when the run has failed and will not recover by itself. */
  readonly live: boolean
  /** True while every worker of this process runs its tasks or stands by for others. */
  readonly ready: boolean
  readonly state: WorkerState
  /** Why, when it is not running. */
  readonly reason: string | null
}

/** The least healthy state speaks for the process. */
const severity: readonly WorkerState[] = [
  'failed',
  'restarting',
  'starting',
  'stopped',
  'finished',
  'standby',
  'running',
]

/** A started job, as this process takes part in it. */
export class JobHandle {
  readonly job: string
  /** Resolves when the job runs here or stands by; rejects when it cannot start. */
  readonly ready: Promise<void>
  /** Resolves at the end of the input or after `stop`; rejects with the error that failed the job. */
  readonly done: Promise<JobResult>
  readonly #run: JobRun
  readonly #clock: Clock
  readonly #startedAt: number

  constructor(job: string, run: JobRun, clock: Clock, stopOnSignals: boolean) {
    this.job = job
    this.#run = run
    this.#clock = clock
    this.#startedAt = clock.now()
    this.ready = run.ready
    this.done = run.done.then((outcome) => this.#result(outcome))
    // Whoever awaits `done` gets the failure; a handle that is only watched must not end the process.
    this.done.catch(() => {})
    if (stopOnSignals) this.#stopOnSignals()
    void run.start()
  }

  /** Asks for a final commit and the end; resolves when everything is committed and released. */
  async stop(): Promise<JobResult> {
    await this.#run.stop()
    return this.done
  }

  /**
   * Writes a savepoint of the running job to a file: its tasks commit, stand still while it is read, and go on. Tasks that run in
   * other processes go on after their `sessionTimeout`.
   */
  async savepoint(file: string): Promise<void> {
    await this.ready
    await writeFile(file, encodeSavepoint(await this.#run.savepoint()))
  }

  /**
   * Ends the job with a savepoint. With `drain` its input ends where it is: windows and timers that wait for event time fire,
   * and the job finishes; such a savepoint is for a job that is not to go on with the same data.
   *
   * @throws OPTION_INVALID while other processes run tasks of the job
   */
  async stopWithSavepoint(file: string, { drain = false }: { readonly drain?: boolean } = {}): Promise<JobResult> {
    await this.ready
    await writeFile(file, encodeSavepoint(await this.#run.stopWithSavepoint(drain)))
    return this.done
  }

  /**
   * Reads the keyed state of an operator, by its uid: `get` gives what the last commit left, of any key, whichever process runs
   * its task; `local` what it is at this moment, if its task runs on this thread.
   *
   * @throws OPTION_INVALID before `ready`, and for an operator or state that there is not
   * @example
   * const balances = handle.state('balances', { balance: valueState<number>() })
   * app.get('/balance/:card', async (request) => (await balances.get(request.params.card))?.state.balance.get() ?? 0)
   */
  state<Descriptors extends StateDescriptors>(uid: string, descriptors: Descriptors): StateView<Descriptors> {
    return this.#run.state(uid, descriptors)
  }

  status(): JobStatus {
    return { job: this.job, graphHash: this.#run.graph?.hash ?? null, workers: this.#run.workers() }
  }

  health(): JobHealth {
    const failure = this.#run.failure
    if (failure !== null) {
      return {
        live: false,
        ready: false,
        state: 'failed',
        reason: failure instanceof Error ? failure.message : String(failure),
      }
    }
    const workers = this.#run.workers()
    const state = severity.find((candidate) => workers.some((worker) => worker.state === candidate)) ?? 'starting'
    const reason = workers.find((worker) => worker.state === state)?.reason ?? null
    return { live: true, ready: workers.length > 0 && (state === 'running' || state === 'standby'), state, reason }
  }

  /** All metrics in Prometheus' text format. */
  metrics(): string {
    return this.#run.metricsText()
  }

  #result(outcome: 'finished' | 'stopped'): JobResult {
    const totals = this.#run.totals()
    return {
      job: this.job,
      outcome,
      durationMs: this.#clock.now() - this.#startedAt,
      ...totals,
      accumulators: this.#run.accumulators(),
    }
  }

  #stopOnSignals(): void {
    const stop = (): void => {
      // A failure of the final commit is delivered through `done`.
      this.stop().catch(() => {})
    }
    process.once('SIGTERM', stop)
    process.once('SIGINT', stop)
    const remove = (): void => {
      process.off('SIGTERM', stop)
      process.off('SIGINT', stop)
    }
    this.done.then(remove, remove)
  }
}
