import { StreamError } from '../../errors.ts'
import type { ByteWriter } from '../../serde/byte-writer.ts'
import { HEADER_MARK } from '../../serde/mark.ts'
import type { Serde } from '../../serde/serde.ts'
import type { Clock } from '../../time/clock.ts'
import { type Duration, durationMs } from '../../time/duration.ts'

/**
 * How long state is kept after its last use. Lists and maps count for each element and entry by itself.
 *
 * @example
 * state: { seen: mapState<string, boolean>({ ttl: { after: '1h', update: 'read-and-write' } }) }
 */
export interface StateTtl {
  /** Time from the last use until the state expires; more than 0. */
  readonly after: Duration
  /** What counts as use: writing alone, or reading too. Reading then writes the new time with the epoch. @default 'write' */
  readonly update?: 'write' | 'read-and-write'
  /**
   * Whether expired state is still seen until it is cleaned up. Clean-up happens when the state is read and in the
   * background, so when exactly is not to be relied on. @default 'never-expired'
   */
  readonly visibility?: 'never-expired' | 'until-cleaned'
  /**
   * `processing`: the job's clock. `event`: the operator's watermark (within a timer, the timer's time, when the watermark
   * had not passed it before); a use counts at the time of the record or the watermark, whichever is later.
   * @default 'processing'
   */
  readonly time?: 'processing' | 'event'
}

/** A `StateTtl` with everything filled in. */
export interface ResolvedTtl {
  readonly afterMs: number
  readonly countsReads: boolean
  readonly showsExpired: boolean
  readonly time: 'processing' | 'event'
}

/** @throws RangeError, OPTION_INVALID for a time of 0 or less, and for words that mean nothing */
export function resolveTtl(ttl: StateTtl): ResolvedTtl {
  const { after, update = 'write', visibility = 'never-expired', time = 'processing' } = ttl
  const afterMs = durationMs(after)
  if (afterMs <= 0) throw new RangeError(`its ttl is ${JSON.stringify(after)}; it must be more than 0`)
  oneOf('update', update, ['write', 'read-and-write'])
  oneOf('visibility', visibility, ['never-expired', 'until-cleaned'])
  oneOf('time', time, ['processing', 'event'])
  return { afterMs, countsReads: update === 'read-and-write', showsExpired: visibility === 'until-cleaned', time }
}

function oneOf(option: string, given: string, known: readonly string[]): void {
  if (known.includes(given)) return
  throw new RangeError(`ttl.${option} is ${JSON.stringify(given)}; it must be ${known.join(' or ')}`)
}

/** A value with the time of its last use, as states with a ttl hold it. Replaced, never changed: cells compare nothing. */
export class Stamped {
  readonly at: number
  readonly value: unknown

  constructor(at: number, value: unknown) {
    this.at = at
    this.value = value
  }
}

/** The times that states of one operator go by. */
export class StateTime {
  /** Event time as far as the operator has come. */
  event: number = Number.NEGATIVE_INFINITY
  /** What is being processed. */
  record: { readonly timestamp: number } | null = null
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(time: ResolvedTtl['time']): number {
    return time === 'processing' ? this.#clock.now() : this.event
  }

  /** The time that a use counts at. */
  ofUse(time: ResolvedTtl['time']): number {
    return time === 'processing' ? this.#clock.now() : Math.max(this.event, this.record?.timestamp ?? this.event)
  }

  advanceEvent(timeMs: number): void {
    // The final watermark is not a time: what timers and the last records leave must not all expire with it.
    if (timeMs > this.event && Number.isFinite(timeMs)) this.event = timeMs
  }
}

/** The ttl of one declared state. */
export class Expiry {
  readonly countsReads: boolean
  readonly showsExpired: boolean
  readonly #afterMs: number
  readonly #domain: ResolvedTtl['time']
  readonly #time: StateTime

  constructor(ttl: ResolvedTtl, time: StateTime) {
    this.countsReads = ttl.countsReads
    this.showsExpired = ttl.showsExpired
    this.#afterMs = ttl.afterMs
    this.#domain = ttl.time
    this.#time = time
  }

  hasExpired(stamped: Stamped): boolean {
    // Before the first watermark no event time has passed.
    const now = this.#time.now(this.#domain)
    return now !== Number.NEGATIVE_INFINITY && now - stamped.at >= this.#afterMs
  }

  stamp(value: unknown): Stamped {
    return new Stamped(this.#time.ofUse(this.#domain), value)
  }

  /** The same object when its time is the present one already. A late use does not make it older. */
  touched(stamped: Stamped): Stamped {
    const at = this.#time.ofUse(this.#domain)
    return at <= stamped.at ? stamped : new Stamped(at, stamped.value)
  }
}

/*
 * Stored as 0xC1, 'T', the time as a double, the value. Values written before the state had a
 * ttl have no such header (`isToldApart`).
 */
const KIND = 0x54
const HEADER_BYTES = 10

export const TTL_FORMAT = 'ttl@1+'

/** Values of a state with a ttl. What was stored without a time counts as used when it is read. */
export function stampedSerde(inner: Serde<unknown>, time: () => number): Serde<unknown> {
  return {
    format: `${TTL_FORMAT}${inner.format}`,
    decode(bytes: Buffer, start: number, end: number): Stamped {
      if (bytes[start] !== HEADER_MARK || bytes[start + 1] !== KIND)
        return new Stamped(time(), inner.decode(bytes, start, end))
      if (end - start < HEADER_BYTES) {
        throw new StreamError('STATE_CORRUPT', 'A value of a state with ttl ends within its time.')
      }
      return new Stamped(bytes.readDoubleBE(start + 2), inner.decode(bytes, start + HEADER_BYTES, end))
    },
    encode(stamped: unknown, target: ByteWriter): void {
      const { at, value } = stamped as Stamped
      target.writeUint8(HEADER_MARK)
      target.writeUint8(KIND)
      target.writeFloat64(at)
      inner.encode(value, target)
    },
  }
}
