import type { Comparable, Condition } from '../operator/batch/condition.ts'
import type { Signal, SignalValue } from '../operator/signal/signal.ts'

export type { Comparable, Condition }

/** What one `poll` did: there is more at once, nothing is there now, or there will never be more. */
export type PollStatus = 'more' | 'wait' | 'end'

export interface SplitReaderContext {
  /** Index of the reading task and number of tasks. */
  readonly index: number
  readonly parallelism: number
  readonly now: () => number
  /** Wakes the task after `poll` said `wait`; may be called at any time. */
  readonly onAvailable: () => void
  /** Calls back after `delayMs` by the job's clock. */
  readonly setTimer: (delayMs: number, callback: () => void) => () => void
  /**
   * Says something to all behind the split, at this place among its records: within `poll`. A replay from a position must say the same
   * again. What was said before is kept with the position.
   */
  readonly emitSignal: <V extends SignalValue>(signal: Signal<V>, value: NoInfer<V>) => void
}

/** Reads one split. Nothing in it may block: `poll` hands out what is there. */
export interface SplitReader<T, Position> {
  /** Hands at most `budget` records to `emit`; the timestamp is milliseconds, or `NO_TIMESTAMP`. Throws what made it fail. */
  poll(emit: (value: T, timestamp: number) => void, budget: number): PollStatus
  /** Where to go on after the last record handed out; plain data (structured-cloneable), part of the epoch. */
  position(): Position
  close(): Promise<void>
}

/** About how much a source has; null where that is not known. */
export interface SizeEstimate {
  readonly records: number | null
  readonly bytes: number | null
}

/**
 * The Source SPI. Splits are named and fixed by the source; split i is read by task `i % parallelism`.
 * A replay from a position must give the same records, else the job is not exactly-once; say so with `replayable: false`.
 */
export interface Source<T, Position = unknown> {
  readonly name: string
  readonly bounded: boolean
  readonly replayable: boolean
  /** Those that its splits emit. */
  readonly signals?: readonly Signal[]
  /**
   * Number of splits, whatever the parallelism of the job. An unbounded source may give more later, never fewer: it is asked
   * again now and then, and new splits are read from their beginning.
   */
  splits(): number
  /** About how much there is, for the choice between strategies. */
  estimate?(): SizeEstimate
  /** The same source, whose records need not have other fields than these; splits and positions stay as they are. */
  project?(fields: readonly string[]): Source<unknown, Position>
  /** The same source, which may leave out records that do not meet all of these; splits and positions stay as they are. */
  where?(conditions: readonly Condition[]): Source<T, Position>
  open(split: number, position: Position | null, context: SplitReaderContext): SplitReader<T, Position>
}
