import type { Logger } from '../metrics/logger.ts'
import type { Clock } from '../time/clock.ts'
import type { Log } from './log.ts'

/** How to make a log, as plain data where possible, so that worker threads can be given it. */
export interface LogProvider {
  readonly kind: string
  readonly options: unknown
  create(context: { readonly clock: Clock; readonly logger: Logger }): Log
}
