import type { BackPressure } from './back-pressure.ts'

export type TaskState = 'restoring' | 'running' | 'finished' | 'stopped' | 'failed'

/** A task as its worker sees it; plain data. Times are milliseconds. */
export interface TaskStatus {
  /** `<region>/<index>` */
  readonly id: string
  readonly state: TaskState
  /** The last committed epoch. */
  readonly epoch: number
  /** Epochs that this instance has committed. */
  readonly epochs: number
  readonly recordsIn: number
  readonly recordsOut: number
  /** Event time of the slowest input, ms since the Unix epoch; null before the first and after the last. */
  readonly watermark: number | null
  /** Records of the input topics that are committed there and not yet read here; null while unknown. */
  readonly lag: number | null
  readonly busyMs: number
  readonly idleMs: number
  readonly blockedMs: number
  readonly backPressure: BackPressure
  /** From the barrier to the end of the commit. */
  readonly epochDurationMs: { readonly p50: number; readonly p99: number }
}
