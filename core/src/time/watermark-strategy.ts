import { OptionError, StreamError, TimestampError, UserFunctionError } from '../errors.ts'
import { type Duration, durationMs } from './duration.ts'

/** Follows the timestamps of one partition and says how far event time has come in it. */
export interface WatermarkGenerator<T> {
  /** Called for every record, after it was processed. */
  onEvent(timestamp: number, value: T): void
  /** No record at or below this is expected any more; must not go back. */
  current(): number
  /** What `restore` needs to go on from here: one number, kept with the position in the input. */
  snapshot(): number
  restore(snapshot: number): void
}

/** How records of a source get their event time, and how its watermarks follow. One per source; a generator per partition. */
export interface WatermarkStrategy<T> {
  /**
   * Event time of a record in milliseconds; `recordTimestamp` is the one that came with it, `now` the clock time of reading.
   * @throws TIMESTAMP_INVALID when it is not a finite number, USER_FUNCTION_FAILED when the function threw
   */
  timestamp(value: T, recordTimestamp: number, now: number): number
  createGenerator(): WatermarkGenerator<T>
  /** What of a record it looks at: a function may look at anything. */
  readonly reads: TimeReads
  /** A partition without a record for this long is not waited for; null waits for ever. */
  readonly idlenessMs: number | null
  /** The same strategy, for a source some of whose partitions may stay silent. */
  withIdleness(timeout: Duration): WatermarkStrategy<T>
  /** Which sources this one keeps in step with; null for none. */
  readonly alignment: Alignment | null
  /**
   * The same strategy, for sources that are to keep in step: a partition whose watermark is more than `maxDrift` ahead of
   * the least one of all sources of the group is not read until the others have come nearer, so that what joins them
   * need not keep what is far ahead. Works among the tasks of one thread.
   */
  withAlignment(group: string, options: { readonly maxDrift: Duration }): WatermarkStrategy<T>
}

/** What a strategy looks at to tell the time of a record. */
export type TimeReads = 'nothing' | 'anything' | { readonly field: string }

/** Sources that keep in step in event time. */
export interface Alignment {
  readonly group: string
  readonly maxDriftMs: number
}

/** Gives a record's event time in milliseconds since the Unix epoch; a Date is fine too. */
export type TimestampAssigner<T> = (value: T, recordTimestamp: number, now: number) => number | Date

/** The name of a field that holds a time. */
export type TimeField<T> = { [Field in keyof T]: T[Field] extends number | Date ? Field : never }[keyof T] & string

class Strategy<T> implements WatermarkStrategy<T> {
  readonly idlenessMs: number | null
  readonly alignment: Alignment | null
  readonly reads: TimeReads
  readonly #assign: TimestampAssigner<T> | null
  readonly #create: () => WatermarkGenerator<T>

  constructor(
    assign: TimestampAssigner<T> | null,
    create: () => WatermarkGenerator<T>,
    reads: TimeReads,
    idlenessMs: number | null = null,
    alignment: Alignment | null = null,
  ) {
    this.#assign = assign
    this.#create = create
    this.reads = reads
    this.idlenessMs = idlenessMs
    this.alignment = alignment
  }

  timestamp(value: T, recordTimestamp: number, now: number): number {
    const timestamp = this.#assign === null ? recordTimestamp : this.#assigned(value, recordTimestamp, now)
    if (typeof timestamp === 'number' && timestamp - timestamp === 0) return timestamp
    return this.#fromDate(timestamp)
  }

  createGenerator(): WatermarkGenerator<T> {
    return this.#create()
  }

  withIdleness(timeout: Duration): WatermarkStrategy<T> {
    const timeoutMs = durationMs(timeout)
    if (timeoutMs === 0) throw new OptionError('withIdleness was given 0; every partition would be idle at once.')
    return new Strategy(this.#assign, this.#create, this.reads, timeoutMs, this.alignment)
  }

  withAlignment(group: string, { maxDrift }: { readonly maxDrift: Duration }): WatermarkStrategy<T> {
    const alignment = { group, maxDriftMs: durationMs(maxDrift) }
    return new Strategy(this.#assign, this.#create, this.reads, this.idlenessMs, alignment)
  }

  #assigned(value: T, recordTimestamp: number, now: number): number | Date {
    try {
      return (this.#assign as TimestampAssigner<T>)(value, recordTimestamp, now)
    } catch (cause) {
      if (StreamError.is(cause)) throw cause
      const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
      throw new UserFunctionError(`The timestamp function threw ${text}`, { cause })
    }
  }

  #fromDate(timestamp: number | Date): number {
    if (timestamp instanceof Date && !Number.isNaN(timestamp.getTime())) return timestamp.getTime()
    const given = timestamp instanceof Date ? 'an invalid Date' : String(timestamp)
    throw new TimestampError(
      this.#assign === null
        ? `The record came without a timestamp (${given}); give the watermark strategy a function that reads it from the value.`
        : `The timestamp function gave ${given}; it must give finite milliseconds since the Unix epoch, or a valid Date.`,
    )
  }
}

/** The highest timestamp so far, less a bound on how late records may come. */
class BoundedGenerator implements WatermarkGenerator<unknown> {
  readonly #delayMs: number
  #highest = Number.NEGATIVE_INFINITY

  constructor(delayMs: number) {
    this.#delayMs = delayMs
  }

  onEvent(timestamp: number): void {
    if (timestamp > this.#highest) this.#highest = timestamp
  }

  // A record at exactly the highest timestamp less the bound may still come, hence one millisecond earlier.
  current(): number {
    return this.#highest - this.#delayMs - 1
  }

  snapshot(): number {
    return this.#highest
  }

  restore(snapshot: number): void {
    this.#highest = snapshot
  }
}

/** The latest time that a record announced. */
class PunctuatedGenerator<T> implements WatermarkGenerator<T> {
  readonly #announced: (value: T, timestamp: number) => number | null
  #watermark = Number.NEGATIVE_INFINITY

  constructor(announced: (value: T, timestamp: number) => number | null) {
    this.#announced = announced
  }

  onEvent(timestamp: number, value: T): void {
    const watermark = this.#announced(value, timestamp)
    if (watermark !== null && watermark > this.#watermark) this.#watermark = watermark
  }

  current(): number {
    return this.#watermark
  }

  snapshot(): number {
    return this.#watermark
  }

  restore(snapshot: number): void {
    this.#watermark = snapshot
  }
}

class NoWatermarks implements WatermarkGenerator<unknown> {
  onEvent(): void {}
  current(): number {
    return Number.NEGATIVE_INFINITY
  }
  snapshot(): number {
    return Number.NEGATIVE_INFINITY
  }
  restore(): void {}
}

function bounded<T>(outOfOrderness: Duration, timestamp?: TimestampAssigner<T> | TimeField<T>): WatermarkStrategy<T> {
  const delayMs = durationMs(outOfOrderness)
  return strategy(timestamp, () => new BoundedGenerator(delayMs))
}

function strategy<T>(
  timestamp: TimestampAssigner<T> | TimeField<T> | undefined,
  create: () => WatermarkGenerator<T>,
): WatermarkStrategy<T> {
  if (timestamp === undefined) return new Strategy<T>(null, create, 'nothing')
  if (typeof timestamp === 'function') return new Strategy(timestamp, create, 'anything')
  return new Strategy((value) => value[timestamp] as number | Date, create, { field: timestamp })
}

/**
 * Watermark strategies.
 *
 * @example
 * env.topic('payments', { value: json<Payment>(), time: watermarks.bounded('5s', (p) => p.time).withIdleness('30s') })
 */
export const watermarks: {
  /**
   * Records come at most `outOfOrderness` behind the latest one. The time is what a function gives, or a field of the value; without
   * either the record's own timestamp counts.
   */
  bounded<T>(outOfOrderness: Duration, timestamp?: TimestampAssigner<T>): WatermarkStrategy<T>
  bounded<T>(outOfOrderness: Duration, field: TimeField<T>): WatermarkStrategy<T>
  /** Timestamps within a partition never go down. */
  monotonous<T>(timestamp?: TimestampAssigner<T>): WatermarkStrategy<T>
  monotonous<T>(field: TimeField<T>): WatermarkStrategy<T>
  /** Timestamps, but no watermarks: event time never passes until the input ends. */
  none<T>(timestamp?: TimestampAssigner<T>): WatermarkStrategy<T>
  none<T>(field: TimeField<T>): WatermarkStrategy<T>
  /**
   * Records announce watermarks themselves: the function gives the time up to which all have come, or null for records that
   * announce nothing.
   */
  punctuated<T>(
    timestamp: TimestampAssigner<T>,
    announced: (value: T, timestamp: number) => number | null,
  ): WatermarkStrategy<T>
  /**
   * Event time is when a record was read, by the job's clock. Records that are read again after a crash have another time
   * then: the output is exactly-once, but not the same as without the crash.
   */
  ingestion<T>(): WatermarkStrategy<T>
  /** A generator of one's own, one for each partition. */
  custom<T>(timestamp: TimestampAssigner<T>, createGenerator: () => WatermarkGenerator<T>): WatermarkStrategy<T>
} = {
  bounded,
  monotonous: <T>(timestamp?: TimestampAssigner<T> | TimeField<T>) => bounded(0, timestamp),
  none: <T>(timestamp?: TimestampAssigner<T> | TimeField<T>) => strategy(timestamp, () => new NoWatermarks()),
  punctuated: (timestamp, announced) => new Strategy(timestamp, () => new PunctuatedGenerator(announced), 'anything'),
  ingestion: () =>
    new Strategy(
      (_value, _recordTimestamp, now) => now,
      () => new BoundedGenerator(0),
      'nothing',
    ),
  custom: (timestamp, createGenerator) => new Strategy(timestamp, createGenerator, 'anything'),
}
