/** What became of a partial match, and why. */
export interface TraceEntry {
  readonly pattern: string
  /** Which partial match, as digits: those that begin with the same ones have grown out of it. */
  readonly partial: string
  readonly what: 'started' | 'advanced' | 'branched' | 'matched' | 'died' | 'timed-out' | 'skipped' | 'dropped'
  /** Time of the event, or of the time-out, in milliseconds. */
  readonly timestamp: number
  /** The event that did it; null when it was time. */
  readonly event: unknown
  /** Label of the position where it stands; null before the first event. */
  readonly at: string | null
  readonly why: string
}

export type Tracer = (entry: TraceEntry) => void
