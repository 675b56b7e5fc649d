import { StreamError } from '../errors.ts'
import type { Region } from '../plan/job-graph.ts'
import { Task } from '../runtime/task.ts'
import { type TaskEnvironment, taskId } from '../runtime/task-environment.ts'
import { waitAtMost } from '../time/clock.ts'
import { decideRestart, type FailureHistory, noFailures, type RestartStrategy } from './restart-strategy.ts'
import type { WorkerEvent } from './status.ts'

/** The worker that a task belongs to. */
export interface TaskHost {
  readonly environment: TaskEnvironment
  readonly restart: RestartStrategy
  readonly sessionTimeoutMs: number
  /** Set when the worker stops, finishes or fails; `ended` resolves then. */
  readonly isEnding: boolean
  readonly ended: Promise<void>
  onEvent(event: WorkerEvent): void
  /** Before a task is started. */
  checkRecord(): Promise<void>
  /** An instance of the task is over, whatever came of it. */
  onInstanceEnded(task: Task): void
  onFinished(id: string): void
  /** Why the task waits before it is started again; null when it goes on. */
  onWaiting(reason: string | null): void
  onRestarted(): void
  fail(error: unknown): void
}

/** Codes that tell of a server that cannot be reached, not of a fault of the job. */
const serverCodes: ReadonlySet<string> = new Set(['CONNECTION_FAILED', 'LOG_FAILED', 'STATE_BACKEND_FAILED'])

/** Keeps one task running: starts it again after failures, as the strategy says. */
export class TaskRunner {
  readonly id: string
  readonly #region: Region
  readonly #index: number
  readonly #host: TaskHost
  #task: Task | null = null
  #history: FailureHistory = noFailures
  #isAbandoned = false
  #isDraining = false
  #isDone = false
  #attempts = 0
  #held: PromiseWithResolvers<void> | null = null
  #stopped: PromiseWithResolvers<void> | null = null

  constructor(region: Region, index: number, host: TaskHost) {
    this.id = taskId(region.id, index)
    this.#region = region
    this.#index = index
    this.#host = host
  }

  get task(): Task | null {
    return this.#task
  }

  /** Runs the task until it is finished, stopped, abandoned or beyond hope. */
  async run(): Promise<void> {
    try {
      await this.#run()
    } finally {
      this.#isDone = true
      this.#stopped?.resolve()
    }
  }

  /** Asks for a final commit and the end. */
  stop(): void {
    this.#task?.stop()
  }

  /** Lets the input end where it is. */
  drain(): void {
    this.#isDraining = true
    this.#task?.drain()
  }

  /** The task is another worker's now. */
  abandon(): void {
    this.#isAbandoned = true
    this.#task?.abandon()
  }

  /** Commits and stops until `release`; resolves when it stands. */
  async hold(): Promise<void> {
    this.#held ??= Promise.withResolvers<void>()
    if (this.#isDone || this.#task === null) return
    this.#stopped = Promise.withResolvers<void>()
    this.#task.stop()
    await this.#stopped.promise
  }

  release(): void {
    this.#held?.resolve()
    this.#held = null
  }

  async #run(): Promise<void> {
    const { environment, ended } = this.#host
    while (!this.#isAbandoned && !this.#host.isEnding) {
      if (this.#held !== null) {
        await Promise.race([this.#held.promise, ended])
        continue
      }
      const startedMs = environment.clock.now()
      const task = new Task(this.#region, this.#index, environment, this.#attempts++)
      this.#task = task
      if (this.#isDraining) task.drain()
      this.#host.onEvent({ kind: 'task-started', task: this.id })
      try {
        await this.#host.checkRecord()
        const outcome = await task.run()
        this.#host.onEvent({ kind: 'task-ended', task: this.id, outcome })
        this.#onInstanceEnded(task)
        if (outcome === 'stopped' && this.#held !== null) continue
        if (outcome === 'finished') this.#host.onFinished(this.id)
        return
      } catch (error) {
        this.#onInstanceEnded(task)
        const delayMs = this.#onFailed(error, startedMs)
        if (delayMs === null) return
        await this.#pause(delayMs)
        if (!this.#host.isEnding) this.#host.onRestarted()
      }
    }
  }

  #onInstanceEnded(task: Task): void {
    this.#host.onInstanceEnded(task)
    this.#task = null
    this.#stopped?.resolve()
  }

  /** How long to wait before the next attempt; null when there is none. */
  #onFailed(error: unknown, startedMs: number): number | null {
    if (this.#isAbandoned) return null
    const { environment, restart, sessionTimeoutMs, isEnding } = this.#host
    const failure = StreamError.is(error) ? error : new StreamError('WORKER_FAILED', String(error), { cause: error })
    if (isEnding) {
      // Whoever has taken the task over goes on with it; nothing of it is lost by our leaving.
      if (failure.reaction !== 'leave-task') this.#host.fail(failure)
      return null
    }
    let delayMs: number | null = null
    if (failure.reaction === 'leave-task') {
      // If the group still holds us for the owner after a session's time, the other one is gone again.
      delayMs = sessionTimeoutMs
    } else if (failure.reaction !== 'fail-job') {
      const decision = decideRestart(restart, this.#history, {
        nowMs: environment.clock.now(),
        startedMs,
        serverUnavailable: serverCodes.has(failure.code),
      })
      if (decision.restart) {
        this.#history = decision.history
        delayMs = decision.delayMs
      }
    }
    const { code, message } = failure
    this.#host.onEvent({ kind: 'task-failed', task: this.id, code, message, restartInMs: delayMs })
    if (delayMs === null) {
      this.#host.fail(failure)
      return null
    }
    environment.logger.warn(
      { task: this.id, code, error: message, restartInMs: delayMs },
      'Task failed; it is started again',
    )
    this.#host.onWaiting(message)
    return delayMs
  }

  async #pause(delayMs: number): Promise<void> {
    // A stop need not wait for the pause to end.
    await waitAtMost(this.#host.environment.clock, delayMs, this.#host.ended)
    this.#host.onWaiting(null)
  }
}
