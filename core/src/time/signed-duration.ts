import { OptionError } from '../errors.ts'
import { type Duration, durationMs } from './duration.ts'

/** A length of time forwards or backwards: `'5m'`, `'-30s'`, `-100`. */
export type SignedDuration = Duration | `-${Duration}`

/** Milliseconds of a duration that may be negative. @throws OPTION_INVALID for text of another form */
export function signedDurationMs(duration: SignedDuration): number {
  if (typeof duration === 'number') {
    if (Number.isFinite(duration)) return duration
    throw new OptionError(`${duration} is not a duration.`)
  }
  return duration.startsWith('-') ? -durationMs(duration.slice(1) as Duration) : durationMs(duration as Duration)
}
