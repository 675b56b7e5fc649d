import { protocolErrors, protocolErrorsCodesById } from '@platformatic/kafka'
import { ConnectionError, FencedError, StreamError, type Where } from '../../errors.ts'

/** The numbers of Kafka's protocol errors that are told apart. Source: Kafka protocol guide, "Error codes". */
export const code = {
  OFFSET_OUT_OF_RANGE: 1,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER_OR_FOLLOWER: 6,
  MESSAGE_TOO_LARGE: 10,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  RECORD_LIST_TOO_LARGE: 18,
  ILLEGAL_GENERATION: 22,
  UNKNOWN_MEMBER_ID: 25,
  REBALANCE_IN_PROGRESS: 27,
  INVALID_TIMESTAMP: 32,
  TOPIC_ALREADY_EXISTS: 36,
  DUPLICATE_SEQUENCE_NUMBER: 46,
  INVALID_PRODUCER_EPOCH: 47,
  INVALID_TXN_STATE: 48,
  INVALID_PRODUCER_ID_MAPPING: 49,
  INVALID_TRANSACTION_TIMEOUT: 50,
  CONCURRENT_TRANSACTIONS: 51,
  OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
  OPERATION_NOT_ATTEMPTED: 55,
  KAFKA_STORAGE_ERROR: 56,
  FENCED_LEADER_EPOCH: 74,
  UNKNOWN_LEADER_EPOCH: 75,
  MEMBER_ID_REQUIRED: 79,
  FENCED_INSTANCE_ID: 82,
  UNSTABLE_OFFSET_COMMIT: 88,
  PRODUCER_FENCED: 90,
  TRANSACTIONAL_ID_NOT_FOUND: 105,
} as const

/** The metadata that led to this server is out of date. */
const staleLeader = new Set([3, 5, 6, 9, 56, 74, 75, 100])
const staleCoordinator = new Set([14, 15, 16])
const fenced = new Set<number>([code.INVALID_PRODUCER_EPOCH, code.INVALID_PRODUCER_ID_MAPPING, code.PRODUCER_FENCED])
/** The same request may succeed later. */
const retriable = new Set([2, 3, 5, 6, 7, 8, 9, 13, 14, 15, 16, 19, 20, 51, 56, 70, 71, 74, 75, 78, 88, 89, 100])

/** What to do about an answer that no new attempt changes. */
const advice: Record<number, string> = {
  [code.MESSAGE_TOO_LARGE]: 'make the record smaller, or raise max.message.bytes of the topic',
  [code.RECORD_LIST_TOO_LARGE]: 'make the record smaller, or raise max.message.bytes of the topic',
  [code.INVALID_TIMESTAMP]:
    'the timestamp is too far from now: see message.timestamp.before.max.ms and message.timestamp.after.max.ms of the topic',
  [code.INVALID_TRANSACTION_TIMEOUT]: 'transactionTimeoutMs is larger than transaction.max.timeout.ms of the servers',
}

/** A server's answer that is an error code. Internal: callers of the log see a StreamError. */
export class ServerError extends Error {
  readonly code: number

  constructor(errorCode: number, request: string, detail?: string | null) {
    const name = errorName(errorCode)
    super(detail ? `${request}: ${name}, ${detail}` : `${request}: ${name}`)
    this.name = name
    this.code = errorCode
  }
}

/** The server could not be reached, or went away before it answered. Internal as well. */
export class DisconnectedError extends Error {
  readonly server: string

  constructor(server: string, cause: unknown) {
    super(`${server}: ${cause instanceof Error ? reason(cause) : String(cause)}`, { cause })
    this.name = 'DisconnectedError'
    this.server = server
  }
}

export function errorName(errorCode: number): string {
  return (protocolErrorsCodesById as Record<number, string>)[errorCode] ?? `error ${errorCode}`
}

/** @throws ServerError for any code but 0 */
export function expectOk(errorCode: number, request: string): void {
  if (errorCode !== 0) throw new ServerError(errorCode, request)
}

export function isStaleLeader(errorCode: number): boolean {
  return staleLeader.has(errorCode)
}

export function isStaleCoordinator(error: unknown): boolean {
  return error instanceof DisconnectedError || (error instanceof ServerError && staleCoordinator.has(error.code))
}

export function isFenced(errorCode: number): boolean {
  return fenced.has(errorCode)
}

export function isRetriableCode(errorCode: number): boolean {
  return retriable.has(errorCode)
}

export function isRetriable(error: unknown): boolean {
  return error instanceof DisconnectedError || (error instanceof ServerError && retriable.has(error.code))
}

/** The error as callers of the log see it. `what` says what was tried, e.g. `the offsets of group g cannot be read`. */
export function toStreamError(error: unknown, what: string, where: Where = {}): StreamError {
  if (StreamError.is(error)) return error.locate(where)
  if (error instanceof DisconnectedError) {
    return new ConnectionError(`${what}: ${error.message}`, { cause: error, where: { server: error.server, ...where } })
  }
  if (!(error instanceof ServerError)) return new StreamError('LOG_FAILED', what, { cause: error, where })
  const options = { cause: error, where }
  if (isFenced(error.code)) {
    return new FencedError(`${what}: another writer has taken the transactional id over (${error.name})`, options)
  }
  const known = (protocolErrors as Record<string, { message?: string } | undefined>)[error.name]
  const hint = advice[error.code] ?? known?.message ?? 'see the log of the server'
  return new StreamError('LOG_FAILED', `${what}: the server answered ${error.message} (${hint})`, options)
}

/** The innermost message: the outer ones only say that a connection failed. */
function reason(error: Error): string {
  let inner = error
  while (inner.cause instanceof Error) inner = inner.cause
  return inner.message === '' ? ((inner as { code?: string }).code ?? inner.name) : inner.message
}
