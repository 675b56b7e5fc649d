import { AuthenticationError } from '@platformatic/kafka'

/**
 * A server that does not take a token says so without an error code: its answer holds a JSON text, and the connection is of no use any more.
 * Source: RFC 7628, 3.2.2; undefined when the log-in has succeeded.
 */
export function refusedToken(answer: Buffer): AuthenticationError | undefined {
  if (answer.length === 0) return undefined
  return new AuthenticationError(`OAUTHBEARER: the server does not take the token (${statusOf(answer)})`)
}

/** No more than the status: the rest is whatever the server wants to tell. */
function statusOf(answer: Buffer): string {
  try {
    const { status } = JSON.parse(answer.toString('utf8')) as { status?: unknown }
    return typeof status === 'string' ? status : 'no status given'
  } catch {
    return 'no status given'
  }
}
