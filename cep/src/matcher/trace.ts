/** What became of a partial match, and why. */
export interface TraceEntry {
  readonly pattern: string
  /** The version of the partial match before it: those that begin with its digits have grown out of it. */
  readonly version: string
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
