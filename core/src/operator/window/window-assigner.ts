import { OptionError } from '../../errors.ts'
import { Calendar } from '../../time/calendar.ts'
import { type Duration, durationMs } from '../../time/duration.ts'
import { type SignedDuration, signedDurationMs } from '../../time/signed-duration.ts'
import type { TimeDomain } from '../timer-service.ts'
import { type Evictor, evictors } from './evictor.ts'
import type { Trigger } from './trigger.ts'
import { triggers } from './triggers.ts'
import { CalendarGrid, CumulativeGrid, FixedGrid, type WindowGrid } from './window-grid.ts'

/** A span of time in milliseconds: `start` belongs to it, `end` does not. That of a global window is infinite. */
export interface TimeWindow {
  readonly start: number
  readonly end: number
}

/** Windows at the same places for all keys: `tumbling`, `sliding` or `cumulative`. */
export interface AlignedWindows {
  readonly kind: 'tumbling' | 'sliding' | 'cumulative'
  readonly domain: TimeDomain
  /** Whether a record may belong to several of them. */
  readonly isOverlapping: boolean
  /** The places, as one of `parallelism` tasks sees them. */
  grid(index: number, parallelism: number): WindowGrid
}

/** Windows that last as long as records of a key follow one another within a gap. */
export interface SessionWindows<T = never> {
  readonly kind: 'session'
  readonly domain: TimeDomain
  /** Milliseconds. */
  readonly gap: number | ((value: T) => number)
}

/** One window for everything; what fires it is a trigger. */
export interface GlobalWindows<T = never> {
  readonly kind: 'global'
  /** For messages. */
  readonly name: string
  /** Null for windows that need one given. */
  readonly trigger: Trigger<T> | null
  readonly evictor: Evictor<T> | null
}

/** Windows by a function of one's own. */
export interface CustomWindows<T = never> {
  readonly kind: 'custom'
  readonly domain: TimeDomain
  readonly isMerging: boolean
  assign(value: T, timestamp: number): Iterable<TimeWindow>
}

export type WindowAssigner<T = never> = AlignedWindows | SessionWindows<T> | GlobalWindows<T> | CustomWindows<T>

export interface TimeWindowOptions {
  /** Which time counts. @default 'event' */
  readonly time?: TimeDomain
}

export interface AlignedWindowOptions extends TimeWindowOptions {
  /** Moves the beginning of windows away from the Unix epoch, forwards or back; with a time zone, by whole days from Thursday 1970-01-01. @default 0 */
  readonly offset?: SignedDuration
  /** Makes windows of whole days begin at midnight in this zone (`'Europe/Berlin'`); a day may have 23 or 25 hours. */
  readonly timeZone?: string
}

export interface TumblingWindowOptions extends AlignedWindowOptions {
  /** Lets the windows of each task end at another moment, so that not all fire at once. Only in processing time. */
  readonly stagger?: boolean
}

const DAY_MS = 86_400_000

/**
 * Windows of one size, side by side.
 *
 * @throws OPTION_INVALID for a size that is not above 0, an unknown time zone, or one with sizes that are not whole days
 * @example
 * payments.keyBy((p) => p.merchant).window(tumbling('1m')).reduce((a, b) => …)
 */
export function tumbling(size: Duration, options: TumblingWindowOptions = {}): AlignedWindows {
  const sizeMs = positive('tumbling: the size', size)
  const domain = options.time ?? 'event'
  if (!options.stagger) return { kind: 'tumbling', domain, isOverlapping: false, grid: gridOf(sizeMs, sizeMs, options) }
  if (domain === 'event' || options.timeZone !== undefined) {
    throw new OptionError('Windows are staggered in processing time only, and without a time zone.')
  }
  const offsetMs = signedDurationMs(options.offset ?? 0)
  return {
    kind: 'tumbling',
    domain,
    isOverlapping: false,
    grid: (index, parallelism) => new FixedGrid(sizeMs, sizeMs, offsetMs + Math.floor((sizeMs * index) / parallelism)),
  }
}

/** Windows of one size, a new one every `slide`: they overlap where it is shorter than the size, and leave gaps where it is longer. */
export function sliding(size: Duration, slide: Duration, options: AlignedWindowOptions = {}): AlignedWindows {
  const sizeMs = positive('sliding: the size', size)
  const slideMs = positive('sliding: the slide', slide)
  return {
    kind: 'sliding',
    domain: options.time ?? 'event',
    isOverlapping: slideMs < sizeMs,
    grid: gridOf(sizeMs, slideMs, options),
  }
}

/**
 * Windows that grow: for `cumulative('1d', '1h')` the first hour of a day, its first two hours, and so on to the whole day.
 *
 * @throws OPTION_INVALID when `step` does not go into `size` a whole number of times
 */
export function cumulative(
  size: Duration,
  step: Duration,
  options: Omit<AlignedWindowOptions, 'timeZone'> = {},
): AlignedWindows {
  const sizeMs = positive('cumulative: the size', size)
  const stepMs = positive('cumulative: the step', step)
  if (sizeMs % stepMs !== 0) {
    throw new OptionError(
      `Cumulative windows of ${JSON.stringify(size)} cannot grow by ${JSON.stringify(step)}: the size must be a multiple of the step.`,
    )
  }
  const offsetMs = signedDurationMs(options.offset ?? 0)
  return {
    kind: 'cumulative',
    domain: options.time ?? 'event',
    isOverlapping: stepMs < sizeMs,
    grid: () => new CumulativeGrid(sizeMs, stepMs, offsetMs),
  }
}

/**
 * Windows that end when no record of the key has come for `gap`; the gap may be read from each record.
 *
 * @example
 * clicks.keyBy((c) => c.user).window(sessions((c) => (c.isMobile ? '5m' : '30m')))
 */
export function sessions(gap: Duration, options?: TimeWindowOptions): SessionWindows<unknown>
export function sessions<T>(gap: (value: T) => Duration, options?: TimeWindowOptions): SessionWindows<T>
export function sessions<T>(
  gap: Duration | ((value: T) => Duration),
  options: TimeWindowOptions = {},
): SessionWindows<T> {
  const domain = options.time ?? 'event'
  if (typeof gap !== 'function') return { kind: 'session', domain, gap: positive('sessions: the gap', gap) }
  return { kind: 'session', domain, gap: (value) => positive('sessions: the gap', gap(value)) }
}

/** One window for each key, which never ends; it fires when its trigger says so. */
export function globalWindows(): GlobalWindows<unknown> {
  return { kind: 'global', name: 'globalWindows', trigger: null, evictor: null }
}

/**
 * Windows of `size` records of a key. With a slide, one of the last `size` records after every `slide` of them. What is
 * left at the end of the input is less than a window and does not fire.
 */
export function countWindows(size: number, slide: number = size): GlobalWindows<unknown> {
  const name = 'countWindows'
  checkCount('size', size)
  checkCount('slide', slide)
  if (slide === size) return { kind: 'global', name, trigger: triggers.purging(triggers.count(size)), evictor: null }
  return { kind: 'global', name, trigger: triggers.count(slide), evictor: evictors.count(size) }
}

/**
 * Windows that end with the record whose distance from the one that ended the window before (from the key's first one,
 * at the beginning) is above a threshold. That record belongs to the window which it ends.
 */
export function deltaWindows<T>(threshold: number, delta: (from: T, current: T) => number): GlobalWindows<T> {
  return {
    kind: 'global',
    name: 'deltaWindows',
    trigger: triggers.purging(triggers.delta(threshold, delta)),
    evictor: null,
  }
}

export interface CustomWindowOptions<T> extends TimeWindowOptions {
  /** The windows that a record belongs to. Must be a pure function; `timestamp` is in the windows' time. */
  readonly assign: (value: T, timestamp: number) => Iterable<TimeWindow>
  /** Makes windows of a key that overlap or touch one window, as sessions do. @default false */
  readonly merging?: boolean
}

/** Windows by a function of one's own. */
export function customWindows<T>(options: CustomWindowOptions<T>): CustomWindows<T> {
  const { assign, merging = false, time = 'event' } = options
  if (typeof assign !== 'function') throw new OptionError('customWindows needs a function: assign.')
  return { kind: 'custom', domain: time, isMerging: merging, assign }
}

/** Whether windows of the kind may become one when records come. */
export function isMerging(assigner: WindowAssigner): boolean {
  return assigner.kind === 'session' || (assigner.kind === 'custom' && assigner.isMerging)
}

function gridOf(
  sizeMs: number,
  slideMs: number,
  { offset = 0, timeZone }: AlignedWindowOptions,
): AlignedWindows['grid'] {
  const offsetMs = signedDurationMs(offset)
  if (timeZone === undefined) return () => new FixedGrid(sizeMs, slideMs, offsetMs)
  const inDays = [sizeMs, slideMs, offsetMs].map((ms) => ms / DAY_MS)
  if (!inDays.every(Number.isInteger)) {
    throw new OptionError(
      `Windows with a time zone (${timeZone}) are of whole days; size, slide and offset must be multiples of '1d'. ` +
        'Shorter windows begin at the same moments in every zone; where clocks differ by half an hour, use offset.',
    )
  }
  const [days, slide, anchor] = inDays as [number, number, number]
  const calendar = new Calendar(timeZone)
  return () => new CalendarGrid(calendar, days, slide, anchor)
}

function positive(name: string, duration: Duration): number {
  const ms = durationMs(duration)
  if (ms > 0) return ms
  throw new OptionError(`${name} of the windows is ${JSON.stringify(duration)}; it must be above 0.`)
}

function checkCount(name: string, count: number): void {
  if (Number.isSafeInteger(count) && count >= 1) return
  throw new OptionError(`countWindows: the ${name} is ${count}; it must be a whole number of at least 1.`)
}
