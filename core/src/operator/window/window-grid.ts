import type { Calendar } from '../../time/calendar.ts'

/**
 * The places of windows that are the same for all keys. No two of them end at the same time, so the end names a window.
 * Times are milliseconds; an end belongs to the next window.
 */
export interface WindowGrid {
  /** The first end after `time`. Its window holds `time` unless the windows leave gaps. */
  firstEnd(time: number): number
  /** The end of the next window. */
  nextEnd(end: number): number
  startOf(end: number): number
  /** The end of the last window that begins at or before `time`. */
  lastEnd(time: number): number
  /**
   * The bounds of the slice that holds `time`: no window begins or ends within it, so that every window is made of whole
   * slices.
   */
  sliceStart(time: number): number
  sliceEnd(time: number): number
}

/** The greatest multiple of `step`, moved by `offset`, that is not after the value; right below zero too. */
function floorTo(value: number, step: number, offset: number): number {
  return Math.floor((value - offset) / step) * step + offset
}

/** Windows of one size, a new one every slide: side by side where the two are equal. */
export class FixedGrid implements WindowGrid {
  readonly #sizeMs: number
  readonly #slideMs: number
  readonly #offsetMs: number

  constructor(sizeMs: number, slideMs: number, offsetMs: number) {
    this.#sizeMs = sizeMs
    this.#slideMs = slideMs
    this.#offsetMs = offsetMs
  }

  firstEnd(time: number): number {
    return floorTo(time, this.#slideMs, this.#offsetMs + this.#sizeMs) + this.#slideMs
  }

  nextEnd(end: number): number {
    return end + this.#slideMs
  }

  startOf(end: number): number {
    return end - this.#sizeMs
  }

  lastEnd(time: number): number {
    return floorTo(time, this.#slideMs, this.#offsetMs) + this.#sizeMs
  }

  sliceStart(time: number): number {
    return Math.max(
      floorTo(time, this.#slideMs, this.#offsetMs),
      floorTo(time, this.#slideMs, this.#offsetMs + this.#sizeMs),
    )
  }

  sliceEnd(time: number): number {
    return Math.min(floorTo(time, this.#slideMs, this.#offsetMs) + this.#slideMs, this.firstEnd(time))
  }
}

/** Windows that grow by a step, from the same start, until they have their full size. */
export class CumulativeGrid implements WindowGrid {
  readonly #sizeMs: number
  readonly #stepMs: number
  readonly #offsetMs: number

  constructor(sizeMs: number, stepMs: number, offsetMs: number) {
    this.#sizeMs = sizeMs
    this.#stepMs = stepMs
    this.#offsetMs = offsetMs
  }

  firstEnd(time: number): number {
    return this.sliceEnd(time)
  }

  nextEnd(end: number): number {
    return end + this.#stepMs
  }

  startOf(end: number): number {
    return floorTo(end - this.#stepMs, this.#sizeMs, this.#offsetMs)
  }

  lastEnd(time: number): number {
    return floorTo(time, this.#sizeMs, this.#offsetMs) + this.#sizeMs
  }

  sliceStart(time: number): number {
    return floorTo(time, this.#stepMs, this.#offsetMs)
  }

  sliceEnd(time: number): number {
    return floorTo(time, this.#stepMs, this.#offsetMs) + this.#stepMs
  }
}

/** Windows of whole days of a time zone: of `days`, a new one every `slide` days, counted from `anchor`. */
export class CalendarGrid implements WindowGrid {
  readonly #calendar: Calendar
  readonly #days: number
  readonly #slide: number
  readonly #anchor: number

  constructor(calendar: Calendar, days: number, slide: number, anchor: number) {
    this.#calendar = calendar
    this.#days = days
    this.#slide = slide
    this.#anchor = anchor
  }

  firstEnd(time: number): number {
    return this.#calendar.startOf(this.#ends(this.#calendar.dayOf(time)) + this.#slide)
  }

  nextEnd(end: number): number {
    return this.#calendar.startOf(this.#calendar.dayOf(end) + this.#slide)
  }

  startOf(end: number): number {
    return this.#calendar.startOf(this.#calendar.dayOf(end) - this.#days)
  }

  lastEnd(time: number): number {
    return this.#calendar.startOf(this.#starts(this.#calendar.dayOf(time)) + this.#days)
  }

  sliceStart(time: number): number {
    const day = this.#calendar.dayOf(time)
    return this.#calendar.startOf(Math.max(this.#starts(day), this.#ends(day)))
  }

  sliceEnd(time: number): number {
    const day = this.#calendar.dayOf(time)
    return this.#calendar.startOf(Math.min(this.#starts(day), this.#ends(day)) + this.#slide)
  }

  /** The last day at or before this one on which a window begins. */
  #starts(day: number): number {
    return floorTo(day, this.#slide, this.#anchor)
  }

  /** The last day at or before this one on which a window ends. */
  #ends(day: number): number {
    return floorTo(day, this.#slide, this.#anchor + this.#days)
  }
}
