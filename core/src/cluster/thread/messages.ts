import type { WireError } from '../../errors.ts'
import type { JobSettings } from '../job-settings.ts'
import type { WorkerEvent, WorkerStatus } from '../status.ts'
import type { WorkerOutcome } from '../worker.ts'

/** Settings that can cross to a thread: providers as kind and options, no functions. */
export type ThreadSettings = Omit<JobSettings, 'log' | 'state' | 'logger' | 'clock' | 'onEvent'> & {
  readonly log: { readonly kind: string; readonly options: unknown }
  readonly state: { readonly kind: string; readonly options: unknown }
}

export interface ThreadStart {
  /** URL of the module whose exports hold the job. */
  readonly module: string
  readonly job: string
  readonly slot: number
  readonly graphHash: string
  readonly settings: ThreadSettings
  readonly paceMemory: SharedArrayBuffer
}

export type ToThread = { readonly kind: 'stop' | 'hold' | 'release' | 'drain' }

export type FromThread =
  | { readonly kind: 'ready' | 'held' }
  | { readonly kind: 'status'; readonly status: WorkerStatus; readonly metrics: string }
  | { readonly kind: 'event'; readonly event: WorkerEvent }
  | {
      readonly kind: 'log'
      readonly level: 'debug' | 'info' | 'warn' | 'error'
      readonly fields: object
      readonly message: string
    }
  | { readonly kind: 'done'; readonly outcome: WorkerOutcome }
  | { readonly kind: 'failed'; readonly error: WireError }
