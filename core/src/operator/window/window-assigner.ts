import { OptionError } from '../../errors.ts'
import { type Duration, durationMs } from '../../time/duration.ts'
import type { TimeDomain } from '../timer-service.ts'

/** A span of time: `start` belongs to it, `end` does not. Milliseconds. */
export interface TimeWindow {
  readonly start: number
  readonly end: number
}

/** Windows at fixed places: one (tumbling) or several overlapping ones (sliding) for each timestamp. */
export interface AlignedWindows {
  readonly kind: 'tumbling' | 'sliding'
  readonly domain: TimeDomain
  readonly sizeMs: number
  readonly slideMs: number
  readonly offsetMs: number
}

/** Windows that last as long as records of a key follow one another within a gap. */
export interface SessionWindows {
  readonly kind: 'session'
  readonly domain: TimeDomain
  readonly gapMs: number
}

export type WindowAssigner = AlignedWindows | SessionWindows

export interface WindowOptions {
  /** Which time counts. @default 'event' */
  readonly time?: TimeDomain
}

export interface AlignedWindowOptions extends WindowOptions {
  /** Moves the beginning of windows away from the Unix epoch, e.g. to a time zone's midnight. @default 0 */
  readonly offset?: Duration
}

/**
 * Windows of one size, side by side.
 *
 * @example
 * payments.keyBy((p) => p.merchant).window(tumbling('1m')).reduce((a, b) => …)
 */
export function tumbling(size: Duration, options: AlignedWindowOptions = {}): AlignedWindows {
  const sizeMs = positive('size', size)
  return {
    kind: 'tumbling',
    domain: options.time ?? 'event',
    sizeMs,
    slideMs: sizeMs,
    offsetMs: durationMs(options.offset ?? 0),
  }
}

/** Windows of one size, a new one every `slide`: they overlap where it is shorter than the size. */
export function sliding(size: Duration, slide: Duration, options: AlignedWindowOptions = {}): AlignedWindows {
  const sizeMs = positive('size', size)
  const slideMs = positive('slide', slide)
  return {
    kind: 'sliding',
    domain: options.time ?? 'event',
    sizeMs,
    slideMs,
    offsetMs: durationMs(options.offset ?? 0),
  }
}

/** Windows that end when no record of the key has come for `gap`. */
export function sessions(gap: Duration, options: WindowOptions = {}): SessionWindows {
  return { kind: 'session', domain: options.time ?? 'event', gapMs: positive('gap', gap) }
}

/** The start of the last window that contains the timestamp; correct for negative timestamps too. */
export function lastWindowStart(timestamp: number, slideMs: number, offsetMs: number): number {
  return Math.floor((timestamp - offsetMs) / slideMs) * slideMs + offsetMs
}

function positive(name: string, duration: Duration): number {
  const ms = durationMs(duration)
  if (ms > 0) return ms
  throw new OptionError(`The ${name} of windows is ${JSON.stringify(duration)}; it must be above 0.`)
}
