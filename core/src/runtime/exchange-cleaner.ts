import type { PartitionPosition } from '../checkpoint/format.ts'
import type { Region } from '../plan/job-graph.ts'
import type { TaskEnvironment } from './task-environment.ts'

/** Between two rounds: deleting is cheap for the log, but not free. */
const INTERVAL_MS = 30_000

/**
 * Lets the log drop what a task has read of its repartition topics: nobody else reads them, and their retention is
 * unlimited, since their records must be there however long their reader was away.
 */
export class ExchangeCleaner {
  readonly #environment: TaskEnvironment
  readonly #topics: ReadonlySet<string>
  #nextAt: number
  #isBusy = false

  constructor(region: Region, environment: TaskEnvironment) {
    this.#environment = environment
    this.#topics = new Set(region.exchangesIn.map(({ topic }) => topic))
    this.#nextAt = environment.clock.now() + INTERVAL_MS
  }

  /** To be called with positions that are committed: what is before them will never be read again. */
  onCommitted(positions: readonly PartitionPosition[]): void {
    const { clock, log, logger } = this.#environment
    if (this.#topics.size === 0 || this.#isBusy || clock.now() < this.#nextAt) return
    this.#isBusy = true
    this.#nextAt = clock.now() + INTERVAL_MS
    const read = positions.filter(({ topic }) => this.#topics.has(topic))
    log
      .deleteRecords(read.map(({ topic, partition, offset }) => ({ topic, partition, offset })))
      // What stays costs space only; the next round tries again.
      .catch((error: unknown) =>
        logger.warn({ error: String(error) }, 'Deleting read records of repartition topics failed'),
      )
      .finally(() => {
        this.#isBusy = false
      })
  }
}
