import type { TaskStatus } from '../runtime/task-status.ts'

/**
 * `starting`: connecting or joining. `running`: has tasks. `standby`: ready, without a task. `restarting`: a task failed
 * and waits to be started again. The others are ends.
 */
export type WorkerState = 'starting' | 'running' | 'standby' | 'restarting' | 'finished' | 'stopped' | 'failed'

/** Sums over all tasks that a worker has run, ended ones included. */
export interface WorkerTotals {
  readonly recordsIn: number
  readonly recordsOut: number
  readonly epochs: number
}

/** One worker (a slot: a member of the job's group) as it sees itself; plain data. */
export interface WorkerStatus {
  readonly state: WorkerState
  /** Why it is in this state, in words, where the state alone does not tell. */
  readonly reason: string | null
  readonly memberId: string | null
  readonly graphHash: string
  /** Members of the group at the last assignment. */
  readonly members: number
  readonly restarts: number
  readonly totals: WorkerTotals
  readonly tasks: readonly TaskStatus[]
}

/** What happens to a worker, in order; for logs, tests and displays. */
export type WorkerEvent =
  | {
      readonly kind: 'assigned'
      readonly tasks: readonly string[]
      readonly graphHash: string
      readonly members: number
    }
  | { readonly kind: 'standby'; readonly reason: string }
  | { readonly kind: 'membership-lost'; readonly reason: string }
  | { readonly kind: 'task-started'; readonly task: string }
  | { readonly kind: 'task-ended'; readonly task: string; readonly outcome: string }
  | {
      readonly kind: 'task-failed'
      readonly task: string
      readonly code: string
      readonly message: string
      readonly restartInMs: number | null
    }

export function addTotals(totals: WorkerTotals, task: TaskStatus): WorkerTotals {
  return {
    recordsIn: totals.recordsIn + task.recordsIn,
    recordsOut: totals.recordsOut + task.recordsOut,
    epochs: totals.epochs + task.epochs,
  }
}
