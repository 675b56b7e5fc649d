import { updateJobRecord } from '../checkpoint/job-record.ts'
import { StreamError } from '../errors.ts'
import type { GroupMember } from '../log/log.ts'
import type { Counter } from '../metrics/registry.ts'
import type { Task } from '../runtime/task.ts'
import { inputPartitions, parseTaskId, type TaskEnvironment, taskId } from '../runtime/task-environment.ts'
import {
  assignTasks,
  decodeAssignment,
  decodeMember,
  encodeAssignment,
  encodeMember,
  type MemberMetadata,
  type TaskAssignment,
} from './assignment.ts'
import type { RestartStrategy } from './restart-strategy.ts'
import { SplitDiscovery } from './split-discovery.ts'
import { addTotals, type WorkerEvent, type WorkerState, type WorkerStatus, type WorkerTotals } from './status.ts'
import { type TaskHost, TaskRunner } from './task-runner.ts'
import type { WorkerHandle } from './worker-handle.ts'

export interface WorkerOptions {
  readonly environment: Omit<TaskEnvironment, 'commitOffsets'>
  readonly restart: RestartStrategy
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly rebalanceTimeoutMs: number
  /** How often sources are asked for new partitions and splits. */
  readonly splitDiscoveryMs: number
  readonly onEvent: (event: WorkerEvent) => void
}

export type WorkerOutcome = 'finished' | 'stopped'

/** One slot: a member of the job's group that runs the tasks it is assigned. */
export class Worker implements WorkerHandle, TaskHost {
  readonly #options: WorkerOptions
  readonly environment: TaskEnvironment
  readonly restart: RestartStrategy
  readonly sessionTimeoutMs: number
  readonly #since: number
  readonly #allTasks: readonly string[]
  readonly #running = new Map<string, TaskRunner>()
  readonly #finished = new Set<string>()
  readonly #work = new Set<Promise<void>>()
  readonly #restarts: Counter
  readonly #discovery: SplitDiscovery
  readonly #done = Promise.withResolvers<WorkerOutcome>()
  readonly #ready = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<void>()
  #isHeld = false
  #isDraining = false
  #member: GroupMember | null = null
  #assignment: TaskAssignment | null = null
  #record: Promise<void> | null = null
  #state: WorkerState = 'starting'
  #reason: string | null = null
  isEnding = false
  #endedTotals: WorkerTotals = { recordsIn: 0, recordsOut: 0, epochs: 0 }

  constructor(options: WorkerOptions) {
    this.#options = options
    const { environment } = options
    const topicPartitions = new Map(environment.topicPartitions)
    this.environment = { ...environment, topicPartitions, commitOffsets: (offsets) => this.#commitOffsets(offsets) }
    this.#discovery = new SplitDiscovery(this.environment, topicPartitions, options.splitDiscoveryMs, (found) =>
      this.#track(this.#onSplitsFound(found)),
    )
    this.restart = options.restart
    this.sessionTimeoutMs = options.sessionTimeoutMs
    this.#since = environment.clock.now()
    this.#allTasks = environment.graph.regions.flatMap((region) =>
      Array.from({ length: region.parallelism }, (_, index) => taskId(region.id, index)),
    )
    this.#restarts = environment.metrics.counter('millrace_task_restarts', 'Tasks started again after a failure')
    environment.metrics.gauge(
      'millrace_worker_tasks',
      'Tasks that this worker runs; 0 for a standby',
      () => this.#running.size,
    )
    // Whoever holds the worker hears of a failure through `done`; `ready` alone must not end the process.
    this.#ready.promise.catch(() => {})
    this.#done.promise.catch(() => {})
  }

  /** Resolves at the end of the job or after `stop`; rejects with what failed the job. */
  get done(): Promise<WorkerOutcome> {
    return this.#done.promise
  }

  /** Resolves when the worker has its first assignment, be it none. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  async start(): Promise<void> {
    const { log, graph, group, topicPartitions } = this.environment
    const inputs = graph.regions.flatMap((region) => inputPartitions(region, 0, topicPartitions))
    const { sessionTimeoutMs, heartbeatIntervalMs, rebalanceTimeoutMs } = this.#options
    try {
      this.#member = await log.join({
        group,
        topics: [...new Set(inputs.map(({ topic }) => topic))],
        metadata: () => this.#metadata(),
        assign: (members) => this.#assign(members),
        onAssigned: (bytes) => this.#onAssigned(decodeAssignment(bytes)),
        onLost: (reason) => this.#onLost(reason),
        sessionTimeoutMs,
        heartbeatIntervalMs,
        rebalanceTimeoutMs,
      })
      if (this.isEnding) await this.#member.leave()
      else this.#discovery.start()
    } catch (error) {
      this.fail(error)
    }
  }

  /** Resolves when the worker stops, finishes or fails. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** Commits and stops all tasks until `release`; the worker stays a member. */
  async hold(): Promise<void> {
    this.#isHeld = true
    await Promise.all([...this.#running.values()].map((runner) => runner.hold()))
  }

  release(): void {
    this.#isHeld = false
    for (const runner of this.#running.values()) runner.release()
  }

  /** Lets the input end where it is, and the job finish. */
  drain(): void {
    this.#isDraining = true
    for (const runner of this.#running.values()) runner.drain()
  }

  /** Commits a last epoch of every task and leaves the group. */
  async stop(): Promise<void> {
    if (!this.isEnding) {
      this.#beginEnd()
      for (const runner of this.#running.values()) runner.stop()
      await this.#leave()
      this.#end('stopped')
    }
    await this.#done.promise
  }

  status(): WorkerStatus {
    const tasks = [...this.#running.values()].flatMap(({ task }) => (task === null ? [] : [task.status()]))
    return {
      state: this.#state,
      reason: this.#reason,
      memberId: this.#member?.memberId ?? null,
      graphHash: this.environment.graph.hash,
      members: this.#assignment?.members ?? 0,
      restarts: this.#restarts.value,
      totals: tasks.reduce(addTotals, this.#endedTotals),
      tasks,
    }
  }

  peek(task: string, uid: string, key: unknown): object | undefined {
    return this.#running.get(task)?.task?.peek(uid, key)
  }

  /** Its metrics are in the registry of the process. */
  metricsText(): null {
    return null
  }

  #metadata(): Uint8Array {
    return encodeMember({
      graphHash: this.environment.graph.hash,
      since: this.#since,
      owned: [...this.#running.keys()],
      ...(this.#assignment === null ? {} : { running: this.#assignment.graphHash }),
      finished: [...this.#finished],
      tasks: this.#allTasks,
    })
  }

  #assign(members: readonly { memberId: string; metadata: Uint8Array }[]): {
    memberId: string
    assignment: Uint8Array
    partitions: { topic: string; partition: number }[]
  }[] {
    const known = members
      .map(({ memberId, metadata }) => decodeMember(memberId, metadata))
      .filter((member): member is MemberMetadata => member !== null)
    return [...assignTasks(known)].map(([memberId, assignment]) => ({
      memberId,
      assignment: encodeAssignment(assignment),
      partitions: assignment.graphHash === this.environment.graph.hash ? this.#partitionsOf(assignment.tasks) : [],
    }))
  }

  #partitionsOf(tasks: readonly string[]): { topic: string; partition: number }[] {
    return tasks.flatMap((id) => {
      const { region, index } = parseTaskId(id)
      const found = this.environment.graph.regions.find((candidate) => candidate.id === region)
      return found === undefined ? [] : inputPartitions(found, index, this.environment.topicPartitions)
    })
  }

  #onAssigned(assignment: TaskAssignment | null): void {
    if (this.isEnding) return
    this.#assignment = assignment
    const { graph } = this.environment
    const isOurs = assignment?.graphHash === graph.hash
    for (const task of isOurs ? assignment.finished : []) this.#finished.add(task)
    const wanted = new Set(isOurs ? assignment.tasks : [])
    for (const [id, runner] of this.#running) {
      if (wanted.has(id)) continue
      runner.abandon()
      this.#running.delete(id)
    }
    for (const id of wanted) this.#startTask(id)
    this.#options.onEvent({
      kind: 'assigned',
      tasks: [...wanted],
      graphHash: assignment?.graphHash ?? '',
      members: assignment?.members ?? 0,
    })
    if (wanted.size > 0) this.#enter('running', null)
    else this.#standBy(assignment)
    this.#ready.resolve()
    this.#checkFinished()
  }

  #standBy(assignment: TaskAssignment | null): void {
    const { graph, logger } = this.environment
    const reason =
      assignment !== null && assignment.graphHash !== graph.hash
        ? `another version of the job runs (graph ${assignment.graphHash}, this is ${graph.hash}); this worker takes over when its last member has left`
        : `all ${this.#allTasks.length} tasks of the job run on other workers; raise parallelism to use more`
    this.#enter('standby', reason)
    logger.info({ job: graph.job, reason }, 'Worker stands by')
    this.#options.onEvent({ kind: 'standby', reason })
  }

  #onLost(reason: unknown): void {
    if (this.isEnding) return
    const text = reason instanceof Error ? reason.message : String(reason)
    this.environment.logger.warn(
      { job: this.environment.graph.job, reason: text },
      'Group membership lost; joining again',
    )
    this.#options.onEvent({ kind: 'membership-lost', reason: text })
    for (const [id, runner] of this.#running) {
      runner.abandon()
      this.#running.delete(id)
    }
    this.#enter('starting', `membership lost: ${text}`)
  }

  #startTask(id: string): void {
    if (this.#running.has(id) || this.#finished.has(id)) return
    const { region, index } = parseTaskId(id)
    const found = this.environment.graph.regions.find((candidate) => candidate.id === region)
    if (found === undefined) {
      this.fail(new StreamError('INVARIANT_BROKEN', `The assignment names task ${id}, which the job does not have.`))
      return
    }
    const runner = new TaskRunner(found, index, this)
    if (this.#isHeld) void runner.hold()
    if (this.#isDraining) runner.drain()
    this.#running.set(id, runner)
    this.#track(runner.run())
  }

  /** Once for all tasks, before the first of them starts: a standby of another version changes nothing. */
  checkRecord(): Promise<void> {
    const { state, graph } = this.environment
    this.#record ??= updateJobRecord(state, graph).catch((error: unknown) => {
      this.#record = null
      throw error
    })
    return this.#record
  }

  onInstanceEnded(task: Task): void {
    this.#endedTotals = addTotals(this.#endedTotals, task.status())
  }

  onWaiting(reason: string | null): void {
    if (reason !== null) this.#enter('restarting', reason)
    else if (!this.isEnding && this.#state === 'restarting') this.#enter('running', null)
  }

  onRestarted(): void {
    this.#restarts.value++
  }

  onEvent(event: WorkerEvent): void {
    this.#options.onEvent(event)
  }

  onFinished(id: string): void {
    this.#finished.add(id)
    this.#running.delete(id)
    if (this.#checkFinished()) return
    // The others learn it from the next assignment; ask for one when nothing is left to do here.
    if (this.#running.size === 0) this.#member?.rejoin()
  }

  #checkFinished(): boolean {
    if (this.isEnding || !this.#allTasks.every((id) => this.#finished.has(id))) return false
    this.#beginEnd()
    this.#track(this.#leave().then(() => this.#end('finished')))
    return true
  }

  fail(error: unknown): void {
    if (this.#state === 'failed') return
    this.#beginEnd()
    this.#enter('failed', error instanceof Error ? error.message : String(error))
    for (const runner of this.#running.values()) runner.abandon()
    this.#ready.reject(error)
    const rejected = (): void => this.#done.reject(error)
    this.#track(this.#leave().then(rejected, rejected))
  }

  /** Tasks read what they have at their start. */
  async #onSplitsFound(found: readonly string[]): Promise<void> {
    this.environment.logger.info(
      { job: this.environment.graph.job, found },
      'Sources have grown; their tasks start anew',
    )
    if (this.#isHeld || this.isEnding) return
    await this.hold()
    this.release()
  }

  #beginEnd(): void {
    this.#discovery.close()
    this.isEnding = true
    this.#ended.resolve()
  }

  #end(outcome: WorkerOutcome): void {
    if (this.#state === 'failed') return
    this.#enter(outcome, null)
    this.#ready.resolve()
    this.#done.resolve(outcome)
  }

  async #leave(): Promise<void> {
    const own = [...this.#work]
    await Promise.allSettled(own)
    try {
      await this.#member?.leave()
    } catch (error) {
      // The session ends by itself when the log cannot be told.
      this.environment.logger.warn({ error: String(error) }, 'Leaving the group failed')
    }
  }

  #enter(state: WorkerState, reason: string | null): void {
    if (this.#state === 'failed') return
    this.#state = state
    this.#reason = reason
  }

  async #commitOffsets(offsets: Parameters<GroupMember['commitOffsets']>[0]): Promise<void> {
    await this.#member?.commitOffsets(offsets)
  }

  #track(work: Promise<void>): void {
    this.#work.add(work)
    void work.finally(() => this.#work.delete(work))
  }
}
