import { OptionError } from '../errors.ts'

const DAY_MS = 86_400_000
/** More than any zone is away from UTC. */
const MAX_OFFSET_MS = 16 * 3_600_000
const MAX_KNOWN = 10_000

/**
 * The days of a time zone, as its clocks show them: one with a change of the clocks has 23 or 25 hours. A day is named by
 * the number of days of its date since 1970-01-01.
 */
export class Calendar {
  readonly timeZone: string
  readonly #format: Intl.DateTimeFormat
  /** The days that were asked for: few, unless time jumps about. */
  readonly #starts = new Map<number, number>()

  /** @throws OPTION_INVALID for a name that is not in the IANA database of the runtime */
  constructor(timeZone: string) {
    this.timeZone = timeZone
    try {
      this.#format = new Intl.DateTimeFormat('en-US', {
        timeZone,
        calendar: 'iso8601',
        era: 'short',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
      })
    } catch (cause) {
      throw new OptionError(`'${timeZone}' is not a time zone; give a name such as 'Europe/Berlin'.`, { cause })
    }
  }

  /** The day that this instant belongs to. */
  dayOf(timeMs: number): number {
    // Clocks are less than a day away from UTC.
    let day = Math.floor(timeMs / DAY_MS) + 1
    while (this.startOf(day) > timeMs) day--
    return day
  }

  /** The first millisecond of a day; of the next one where the zone skipped it. */
  startOf(day: number): number {
    const known = this.#starts.get(day)
    if (known !== undefined) return known
    if (this.#starts.size >= MAX_KNOWN) this.#starts.clear()
    const start = this.#search(day)
    this.#starts.set(day, start)
    return start
  }

  // Dates never go back as time passes, so the first instant of a day can be searched for, whatever the clocks do there.
  #search(day: number): number {
    let low = day * DAY_MS - MAX_OFFSET_MS
    let high = day * DAY_MS + MAX_OFFSET_MS
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (this.#dateOf(middle) >= day) high = middle
      else low = middle + 1
    }
    return low
  }

  #dateOf(timeMs: number): number {
    let year = 0
    let month = 0
    let day = 0
    let isBeforeChrist = false
    for (const { type, value } of this.#format.formatToParts(timeMs)) {
      if (type === 'year') year = Number(value)
      else if (type === 'month') month = Number(value)
      else if (type === 'day') day = Number(value)
      else if (type === 'era') isBeforeChrist = value.startsWith('B')
    }
    const date = new Date(0)
    date.setUTCFullYear(isBeforeChrist ? 1 - year : year, month - 1, day)
    return date.getTime() / DAY_MS
  }
}
