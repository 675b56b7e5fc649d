import type { Log } from '../log/log.ts'
import type { LogProvider } from '../log/provider.ts'
import type { Logger } from '../metrics/logger.ts'
import type { MemoryLimits } from '../operator/batch/memory/task-memory.ts'
import type { RuleName } from '../plan/optimize/applied.ts'
import type { BackPressureOptions } from '../runtime/back-pressure.ts'
import type { Guarantee } from '../runtime/task-environment.ts'
import type { StateBackend } from '../state/backend.ts'
import type { StateProvider } from '../state/provider.ts'
import type { Clock } from '../time/clock.ts'
import type { RestartStrategy } from './restart-strategy.ts'
import type { WorkerEvent } from './status.ts'

/** Options of a run after validation and defaults; durations in milliseconds. */
export interface JobSettings {
  readonly log: Log | LogProvider
  readonly state: StateBackend | StateProvider
  readonly parallelism: number | 'partitions'
  readonly maxParallelism: number
  readonly slots: number
  readonly group: string
  readonly guarantee: Guarantee
  readonly epochIntervalMs: number
  /** While a source is behind; null for the same. */
  readonly backlogEpochIntervalMs: number | null
  /** Null: by the log's kind, see `JobRun`. */
  readonly restart: RestartStrategy | null
  readonly allowVolatileState: boolean
  readonly transactionTimeoutMs: number
  readonly maxBufferedInputBytes: number
  readonly maxBufferedOutputBytes: number
  readonly stateCacheKeys: number | null
  readonly memory: MemoryLimits
  readonly withoutRules: readonly RuleName[]
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly rebalanceTimeoutMs: number
  readonly splitDiscoveryMs: number
  readonly backPressure: BackPressureOptions
  readonly logger: Logger
  readonly clock: Clock
  readonly onEvent: (event: WorkerEvent) => void
}
