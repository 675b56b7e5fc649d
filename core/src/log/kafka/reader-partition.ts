import type { FetchedRecords } from './record-batch/fetched-records.ts'
import type { SharedBytes } from './response-memory.ts'

/** One partition that a reader reads; a partition that is removed and added again is a new one. */
export class ReaderPartition {
  readonly topic: string
  readonly partition: number
  /** What to fetch next: behind everything that was fetched. */
  fetchOffset: number
  /** Its server, or -1 while nobody knows. */
  leader = -1
  isPaused = false
  isRemoved = false
  /** A fetch that asks for it is under way. */
  isInFlight = false
  /** It stands in the queue of those that have something to take. */
  isQueued = false
  bufferedBytes = 0
  /** It has not brought what it was waited for, so nobody waits for it until it does. */
  isLate = false
  endOffset: number | undefined
  readonly fetched: { readonly records: FetchedRecords; readonly response: SharedBytes }[] = []

  constructor(topic: string, partition: number, offset: number) {
    this.topic = topic
    this.partition = partition
    this.fetchOffset = offset
  }

  /** Its server is known to have records that have not been fetched. */
  get isBehind(): boolean {
    return this.endOffset !== undefined && this.fetchOffset < this.endOffset
  }
}
