/*
 * What ioredis and Redis can answer when a command fails, sorted by what helps: the same command again, the script's text
 * instead of its hash, or nothing.
 */

export type FailureKind = 'unreachable' | 'refused' | 'no-script' | 'permanent'

/** Beginnings of Redis errors that pass by themselves: a failover, a start, a slot on its way. In 6.2 a script wraps them. */
const passing =
  /\b(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|UNBLOCKED|NOREPLICAS|BUSY|non local key)\b/

/** What ioredis and node say about a connection that is not there, broke, or was given up. */
const connection =
  /ECONN|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|max retries per request|Connection is closed|Stream isn't writeable|Cluster isn't ready|aborted due to connection close|Too many Cluster redirections|Failed to refresh slots|None of startup nodes|All sentinels are unreachable|no answer within/

const credentials = /^(WRONGPASS|NOAUTH|NOPERM)\b/

export function kindOf(error: unknown): FailureKind {
  const message = error instanceof Error ? error.message : String(error)
  if (credentials.test(message)) return 'refused'
  if (/\bNOSCRIPT\b/.test(message)) return 'no-script'
  if (passing.test(message) || connection.test(message)) return 'unreachable'
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && connection.test(code) ? 'unreachable' : 'permanent'
}

/**
 * The error without the command's arguments, which ioredis adds: they are passwords (AUTH, HELLO) and state. For `cause`.
 */
export function withoutArguments(error: unknown): unknown {
  if (error instanceof Error && 'command' in error) {
    const command = error.command as { name?: unknown } | undefined
    error.command = { name: command?.name }
  }
  for (const inner of innerErrors(error)) withoutArguments(inner)
  return error
}

/** What to say of the error in a message: an AggregateError of node has an empty text of its own. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.message !== '') return error.message
  const inner = innerErrors(error)
  return inner.length === 0 ? error.name : inner.map(reasonOf).join('; ')
}

function innerErrors(error: unknown): unknown[] {
  if (!(error instanceof Error)) return []
  const inner: unknown[] = error.cause === undefined ? [] : [error.cause]
  if (error instanceof AggregateError) inner.push(...error.errors)
  const last = (error as { lastNodeError?: unknown; previousErrors?: unknown }) ?? {}
  if (last.lastNodeError !== undefined) inner.push(last.lastNodeError)
  return inner
}
