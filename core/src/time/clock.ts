/** Ends a timer; calling it again, or after the timer fired, does nothing. */
export type CancelTimer = () => void

/**
 * The one way in which the engine reads or waits for time, so that a test or a simulation can drive it.
 * All times are milliseconds since the Unix epoch.
 */
export interface Clock {
  now(): number
  /** Calls `callback` once, `delayMs` or more from now. */
  setTimer(delayMs: number, callback: () => void): CancelTimer
  /** Resolves after pending input and output had a chance to run. */
  yield(): Promise<void>
}

class SystemClock implements Clock {
  now(): number {
    return Date.now()
  }

  setTimer(delayMs: number, callback: () => void): CancelTimer {
    const handle = setTimeout(callback, delayMs)
    return () => clearTimeout(handle)
  }

  yield(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve))
  }
}

export const systemClock: Clock = new SystemClock()

/** Resolves `delayMs` later by the given clock; rejects with the signal's reason when it is aborted before. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const cancel = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    function onAbort(): void {
      cancel()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** Resolves or rejects as `promise` does, or resolves `delayMs` later by the given clock if that comes first. */
export async function waitAtMost(clock: Clock, delayMs: number, promise: Promise<unknown>): Promise<void> {
  const passed = Promise.withResolvers<void>()
  const cancel = clock.setTimer(delayMs, passed.resolve)
  try {
    await Promise.race([promise, passed.promise])
  } finally {
    cancel()
  }
}
