import type { WorkerStatus } from './status.ts'
import type { WorkerOutcome } from './worker.ts'

/** A worker of this process, on this thread or on another. */
export interface WorkerHandle {
  readonly done: Promise<WorkerOutcome>
  readonly ready: Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
  /** Commits and stops all tasks until `release`, without leaving the group. */
  hold(): Promise<void>
  release(): void
  /** Lets the input end where it is, and the job finish. */
  drain(): void
  status(): WorkerStatus
  /** The state of a key in a task that runs on this thread; undefined where there is none. */
  peek(task: string, uid: string, key: unknown): object | undefined
  /** Its metrics in Prometheus' text format where it keeps a registry of its own, else null. */
  metricsText(): string | null
}
