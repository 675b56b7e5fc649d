import type { Logger } from '../metrics/logger.ts'
import type { Clock } from '../time/clock.ts'
import type { StateBackend } from './backend.ts'

/** How to make a state backend, as plain data where possible, so that worker threads can be given it. */
export interface StateProvider {
  readonly kind: string
  readonly options: unknown
  create(context: { readonly clock: Clock; readonly logger: Logger }): StateBackend
}
