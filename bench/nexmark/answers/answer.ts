import type { NexmarkEvent } from '../events.ts'
import type { Row } from '../queries/index.ts'

/** How the values of a column are compared: systems write times and decimals in ways of their own. */
export type ColumnType = 'integer' | 'text' | 'time' | 'decimal'

/** What a query must give for the events, computed from them directly: no streams, no watermarks, nothing of the engine. */
export interface Answer {
  readonly columns: Readonly<Record<string, ColumnType>>
  /**
   * The rows, in any order, each as the rows any of which is right: more than one where the query leaves a choice. Events
   * can be iterated several times.
   */
  rows(events: Iterable<NexmarkEvent>): Iterable<readonly Row[]>
}
