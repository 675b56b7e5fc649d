import { StreamError, type Where } from '../errors.ts'

/** What to throw for an error that a record caused: it names the record. */
export function locatedAt(error: unknown, where: Where): StreamError {
  if (StreamError.is(error)) return error.locate(where)
  const text = error instanceof Error ? error.message : String(error)
  return new StreamError('WORKER_FAILED', `A record could not be processed: ${text}`, { where, cause: error })
}
