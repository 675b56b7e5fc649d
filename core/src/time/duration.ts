import { OptionError } from '../errors.ts'

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A length of time: milliseconds, or a number with a unit, e.g. `'250ms'`, `'5s'`, `'1.5m'`, `'2h'`, `'7d'`. */
export type Duration = number | `${number}${keyof typeof units}`

const pattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/

/**
 * Milliseconds of a duration.
 *
 * @throws OPTION_INVALID for a negative or infinite number and for text of another form
 */
export function durationMs(duration: Duration): number {
  if (typeof duration === 'number') {
    if (Number.isFinite(duration) && duration >= 0) return duration
    throw invalid(duration)
  }
  const match = pattern.exec(duration)
  if (match === null) throw invalid(duration)
  return Number(match[1]) * units[match[2] as keyof typeof units]
}

function invalid(duration: unknown): OptionError {
  return new OptionError(
    `${JSON.stringify(duration)} is not a duration; give milliseconds of 0 or more, or a number with ms, s, m, h or d ('5s').`,
  )
}
