import type { Serde } from '../../serde/serde.ts'
import type { RetryOptions } from '../../time/back-off.ts'
import type { Duration } from '../../time/duration.ts'
import type { OpenContext } from '../process-function.ts'

/** What a call is told. */
export interface CallContext {
  /** 1 at first, one more with each retry. */
  readonly attempt: number
  /** Event time of the record in milliseconds; minus infinity when it has none. */
  readonly timestamp: number
  /** Aborted when nobody waits for the call any more: it has timed out, or the task ends. */
  readonly signal: AbortSignal
}

/** A function whose result may come later. */
export interface AsyncFunction<In, Result> {
  /** A result that is no promise is taken at once. */
  onRecord(value: In, context: CallContext): Result | PromiseLike<Result>
  /** Before the first call; e.g. to connect. */
  open?(context: OpenContext): void | Promise<void>
  close?(): void | Promise<void>
}

export interface AsyncRetryOptions<Result> extends RetryOptions {
  /** Whether what a call failed with is worth another attempt. @default always */
  onError?(error: unknown): boolean
  /** Whether a result asks for another attempt; that of the last attempt is taken as it is. @default never */
  onResult?(result: Result): boolean
}

export interface AsyncOptions<In, Result> {
  /**
   * `ordered`: results come in the order of the records. `unordered`: each as soon as it is there, though never across a
   * watermark, so that no record becomes late. @default 'ordered'
   */
  readonly order?: 'ordered' | 'unordered'
  /** Calls of a task that are under way at the same time. @default 100 */
  readonly capacity?: number
  /** For a record, all its attempts together. What takes longer is aborted. @default '30s' */
  readonly timeout?: Duration
  /** @default no retry */
  readonly retry?: AsyncRetryOptions<Result>
  /**
   * Gives the result for a record whose call has timed out (`CALL_TIMED_OUT`) or failed for good (`USER_FUNCTION_FAILED`,
   * with the cause). @default the job fails, and starts again from the last epoch
   */
  fallback?(value: In, error: Error): Result
  /** How records that are waiting for their results are stored. @default msgpack() */
  readonly serde?: Serde<In>
}
