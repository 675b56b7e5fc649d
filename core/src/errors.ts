/**
 * The stable codes of every error that Millrace throws; docs/errors.md explains each.
 * A code never changes its meaning; a new situation gets a new code.
 */
export const errorCodes = [
  'GRAPH_INVALID',
  'OPTION_INVALID',
  'CONNECTION_FAILED',
  'TOPIC_MISSING',
  'PARTITIONS_MISMATCH',
  'DECODE_FAILED',
  'ENCODE_FAILED',
  'USER_FUNCTION_FAILED',
  'CALL_TIMED_OUT',
  'KEY_INVALID',
  'TIMESTAMP_INVALID',
  'STATE_INCOMPATIBLE',
  'STATE_LOST',
  'STATE_CORRUPT',
  'LOOP_RUNNING',
  'OFFSETS_LOST',
  'FENCED',
  'SINK_FAILED',
  'SOURCE_FAILED',
  'LOG_FAILED',
  'STATE_BACKEND_FAILED',
  'SPILL_FAILED',
  'WORKER_FAILED',
  'PATTERN_INVALID',
  'SKIP_TARGET_MISSING',
  'PARTIAL_MATCHES_EXCEEDED',
  'INVARIANT_BROKEN',
] as const

export type ErrorCode = (typeof errorCodes)[number]

/**
 * What the runtime does when it meets the error: give the job up, start the task again from its last epoch,
 * leave the task because another worker owns it now, or try the same call again.
 */
export type Reaction = 'fail-job' | 'restart-task' | 'leave-task' | 'retry'

/** Where it happened, as far as it is known. Offsets are Kafka's, as safe integers. */
export interface Where {
  readonly job?: string
  readonly operator?: string
  readonly task?: string
  readonly epoch?: number
  readonly topic?: string
  readonly partition?: number
  readonly offset?: number
  readonly server?: string
}

export interface StreamErrorOptions {
  readonly where?: Where
  readonly cause?: unknown
  readonly reaction?: Reaction
}

const defaultReaction: Partial<Record<ErrorCode, Reaction>> = {
  CONNECTION_FAILED: 'restart-task',
  USER_FUNCTION_FAILED: 'restart-task',
  CALL_TIMED_OUT: 'restart-task',
  SINK_FAILED: 'restart-task',
  SOURCE_FAILED: 'restart-task',
  LOG_FAILED: 'restart-task',
  STATE_BACKEND_FAILED: 'restart-task',
  SPILL_FAILED: 'restart-task',
  WORKER_FAILED: 'restart-task',
  FENCED: 'leave-task',
}

/**
 * The one error class of Millrace. `code` is stable; `where` locates the failure; `cause` is kept.
 * Recognised with `StreamError.is` rather than `instanceof`, since two copies of a package may be loaded.
 */
export class StreamError extends Error {
  readonly code: ErrorCode
  readonly reaction: Reaction
  where: Where
  readonly '~millrace': 'StreamError' = 'StreamError'
  readonly #text: string

  constructor(code: ErrorCode, message: string, options: StreamErrorOptions = {}) {
    super(message + describeWhere(options.where), options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.#text = message
    this.code = code
    this.reaction = options.reaction ?? defaultReaction[code] ?? 'fail-job'
    this.where = options.where ?? {}
  }

  /** Adds what a caller further out knows of the place; what is known already stays. */
  locate(where: Where): this {
    const { topic, partition, offset, ...place } = where
    // An offset means nothing in another topic: the three are taken together or not at all.
    const sameTopic = this.where.topic === undefined || this.where.topic === topic
    this.where = { ...(sameTopic ? where : place), ...this.where }
    this.message = this.#text + describeWhere(this.where)
    return this
  }

  static is(value: unknown): value is StreamError {
    return (
      typeof value === 'object' && value !== null && (value as { '~millrace'?: unknown })['~millrace'] === 'StreamError'
    )
  }
}

/** A StreamError as plain data, for the way between threads. */
export interface WireError {
  readonly code: ErrorCode
  readonly name: string
  readonly message: string
  readonly stack: string | null
  readonly reaction: Reaction
  readonly where: Where
  /** Messages of the causes, outermost first. */
  readonly causes: readonly string[]
}

export function toWire(error: unknown): WireError {
  const known = StreamError.is(error) ? error : new StreamError('WORKER_FAILED', String(error), { cause: error })
  const causes: string[] = []
  for (let cause = known.cause; cause !== undefined && cause !== null; cause = (cause as { cause?: unknown }).cause) {
    causes.push(cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause))
  }
  const { code, name, message, stack, reaction, where } = known
  return { code, name, message, stack: stack ?? null, reaction, where, causes }
}

export function fromWire(wire: WireError): StreamError {
  let cause: Error | undefined
  for (const message of wire.causes.toReversed())
    cause = new Error(message, cause === undefined ? undefined : { cause })
  const error = new StreamError(wire.code, '', { reaction: wire.reaction, cause })
  error.name = wire.name
  error.message = wire.message
  error.where = wire.where
  if (wire.stack !== null) error.stack = wire.stack
  return error
}

/** The graph cannot be built as written; `where.operator` names the operator, the message its source line. */
export class GraphError extends StreamError {
  constructor(message: string, options?: StreamErrorOptions) {
    super('GRAPH_INVALID', message, options)
  }
}

/** An option has a value that cannot be used. */
export class OptionError extends StreamError {
  constructor(message: string, options?: StreamErrorOptions) {
    super('OPTION_INVALID', message, options)
  }
}

/** A server could not be reached within the bounded wait; `where.server` is its address. */
export class ConnectionError extends StreamError {
  constructor(message: string, options?: StreamErrorOptions) {
    super('CONNECTION_FAILED', message, options)
  }
}

/** A topic that the job reads or writes does not exist. */
export class TopicMissingError extends StreamError {
  constructor(message: string, options?: StreamErrorOptions) {
    super('TOPIC_MISSING', message, options)
  }
}

/** The partition counts of topics do not fit each other or the job's parallelism. */
export class PartitionsMismatchError extends StreamError {
  constructor(message: string, options?: StreamErrorOptions) {
    super('PARTITIONS_MISMATCH', message, options)
  }
}

/** The bytes of a record are not what its serde expects. */
export class DecodeError extends StreamError {
  constructor(message: string, options?: StreamErrorOptions) {
    super('DECODE_FAILED', message, options)
  }
}

/** A function of the job threw; `cause` is what it threw. */
export class UserFunctionError extends StreamError {
  constructor(message: string, options?: StreamErrorOptions) {
    super('USER_FUNCTION_FAILED', message, options)
  }
}

/** A key selector gave a value that cannot be a key (undefined, null, NaN, a function, a symbol). */
export class KeyError extends StreamError {
  constructor(message: string, options?: StreamErrorOptions) {
    super('KEY_INVALID', message, options)
  }
}

/** A timestamp assigner gave something that is not a finite number of milliseconds. */
export class TimestampError extends StreamError {
  constructor(message: string, options?: StreamErrorOptions) {
    super('TIMESTAMP_INVALID', message, options)
  }
}

/** The stored state does not fit the operators of this job; the message names every difference. */
export class StateIncompatibleError extends StreamError {
  readonly differences: readonly string[]
  constructor(message: string, differences: readonly string[], options?: StreamErrorOptions) {
    super('STATE_INCOMPATIBLE', message, options)
    this.differences = differences
  }
}

/** A savepoint was asked for while a loop of the job goes in rounds. */
export class LoopRunningError extends StreamError {
  constructor(message: string, options?: StreamErrorOptions) {
    super('LOOP_RUNNING', message, options)
  }
}

/** The log says that an epoch was committed, and the state backend does not have it. */
export class StateLostError extends StreamError {
  constructor(message: string, options?: StreamErrorOptions) {
    super('STATE_LOST', message, options)
  }
}

/** The state backend has an epoch whose offsets the log does not know, or the offsets are no longer in the topic. */
export class OffsetsLostError extends StreamError {
  constructor(message: string, options?: StreamErrorOptions) {
    super('OFFSETS_LOST', message, options)
  }
}

/** Another worker has taken this task over; nothing that this one does is taken any more. */
export class FencedError extends StreamError {
  constructor(message: string, options?: StreamErrorOptions) {
    super('FENCED', message, options)
  }
}

function describeWhere(where: Where | undefined): string {
  if (where === undefined) return ''
  const parts: string[] = []
  if (where.job !== undefined) parts.push(`job ${where.job}`)
  if (where.operator !== undefined) parts.push(`operator ${where.operator}`)
  if (where.task !== undefined) parts.push(`task ${where.task}`)
  if (where.epoch !== undefined) parts.push(`epoch ${where.epoch}`)
  if (where.topic !== undefined) {
    let record = `topic ${where.topic}`
    if (where.partition !== undefined) record += ` partition ${where.partition}`
    if (where.offset !== undefined) record += ` offset ${where.offset}`
    parts.push(record)
  }
  if (where.server !== undefined) parts.push(`server ${where.server}`)
  return parts.length === 0 ? '' : ` [${parts.join(', ')}]`
}
