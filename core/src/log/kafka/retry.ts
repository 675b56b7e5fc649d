import type { StreamError, Where } from '../../errors.ts'
import { type Clock, sleep } from '../../time/clock.ts'
import { code, isRetriable, ServerError, toStreamError } from './server-error.ts'

/** How long to wait at most for a former transaction to be finished, which takes milliseconds. */
const busyDelayMs = 20

export interface RetryOptions {
  readonly clock: Clock
  /** For the error: what was tried, e.g. `the topics cannot be described`. */
  readonly what: string
  readonly where?: Where
  /** When the last attempt may begin, from now. */
  readonly timeoutMs: number
  readonly firstDelayMs?: number
  readonly maxDelayMs?: number
  readonly signal?: AbortSignal
  /** Which errors are worth another attempt. @default those that the protocol calls retriable, and lost connections */
  readonly isRetriable?: (error: unknown) => boolean
}

/**
 * Tries until it succeeds, waiting longer after each failure, up to a bounded time.
 * @throws what the last attempt failed with, as a StreamError
 */
export async function retry<T>(options: RetryOptions, attempt: () => Promise<T>): Promise<T> {
  const { clock, timeoutMs, maxDelayMs = 1000, signal } = options
  const worthIt = options.isRetriable ?? isRetriable
  const deadline = clock.now() + timeoutMs
  let delay = options.firstDelayMs ?? 20
  for (;;) {
    let waitAfter = delay
    try {
      return await attempt()
    } catch (error) {
      if (!worthIt(error)) throw toStreamError(error, options.what, options.where)
      if (clock.now() + delay > deadline) throw givenUp(error, options)
      if (isBusy(error)) waitAfter = Math.min(delay, busyDelayMs)
    }
    await sleep(clock, waitAfter, signal)
    delay = Math.min(delay * 1.6, maxDelayMs)
  }
}

function givenUp(error: unknown, { what, where, timeoutMs }: RetryOptions): StreamError {
  return toStreamError(error, `${what}, tried for ${timeoutMs} ms`, where)
}

function isBusy(error: unknown): boolean {
  return (
    error instanceof ServerError &&
    (error.code === code.CONCURRENT_TRANSACTIONS || error.code === code.UNSTABLE_OFFSET_COMMIT)
  )
}
