import { OptionError } from '../../errors.ts'
import { type Duration, durationMs } from '../../time/duration.ts'
import type { TimeWindow } from './window-assigner.ts'

/** A record in a window. */
export interface WindowElement<T> {
  readonly value: T
  /** Milliseconds, in the time of the windows; minus infinity for a record without one in a global window. */
  readonly timestamp: number
}

/** Takes records out of a window, before its function sees them or after it has. */
export interface Evictor<T> {
  readonly name: string
  readonly when: 'before' | 'after'
  /** The elements that stay, in their order; they came in the order of the list. */
  retain(elements: readonly WindowElement<T>[], window: TimeWindow): readonly WindowElement<unknown>[]
}

export interface EvictorOptions {
  /** @default 'before' */
  readonly when?: 'before' | 'after'
}

/** Ready-made evictors. */
export const evictors: {
  /** Keeps the last `count` records. */
  count(count: number, options?: EvictorOptions): Evictor<unknown>
  /** Keeps the records that are less than `span` older than the newest one. */
  time(span: Duration, options?: EvictorOptions): Evictor<unknown>
  /** Keeps the records whose distance to the last one is below the threshold. */
  delta<T>(threshold: number, delta: (value: T, last: T) => number, options?: EvictorOptions): Evictor<T>
} = {
  count(count, { when = 'before' } = {}) {
    if (!Number.isSafeInteger(count) || count < 0) {
      throw new OptionError(`evictors.count was given ${count}; it needs a whole number of 0 or more.`)
    }
    return {
      name: 'count',
      when,
      retain: (elements) => (elements.length <= count ? elements : elements.slice(elements.length - count)),
    }
  },
  time(span, { when = 'before' } = {}) {
    const spanMs = durationMs(span)
    if (spanMs === 0)
      throw new OptionError('evictors.time was given 0; no record is less than that older than the newest one.')
    return {
      name: 'time',
      when,
      retain(elements) {
        let newest = Number.NEGATIVE_INFINITY
        for (const { timestamp } of elements) if (timestamp > newest) newest = timestamp
        return elements.filter(({ timestamp }) => timestamp > newest - spanMs)
      },
    }
  },
  delta(threshold, delta, { when = 'before' } = {}) {
    if (Number.isNaN(threshold)) throw new OptionError('evictors.delta was given the threshold NaN; it needs a number.')
    return {
      name: 'delta',
      when,
      retain(elements) {
        const last = elements.at(-1)
        if (last === undefined) return elements
        return elements.filter(({ value }) => delta(value, last.value) < threshold)
      },
    }
  },
}
