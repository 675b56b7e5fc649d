import type { ReaderPartition } from './reader-partition.ts'

const mostPartitionBytes = 2 * 1024 * 1024
/** Topics take batches of up to a megabyte by default, and of one that does not fit a server sends a useless part. */
const leastPartitionBytes = 1024 * 1024

/** What one fetch asks for. */
export interface FetchPlan {
  readonly partitions: readonly ReaderPartition[]
  /** The most that it may bring of each. */
  readonly partitionBytes: number
}

/**
 * Deals the bytes of a fetch out to the partitions that could use them, so that they come equally far. Those that are known to have
 * more than fits are left to the next fetch, which may be under way at the same time; a response is filled in the order of the
 * request, so whoever has least buffered comes first.
 */
export function planFetch(candidates: readonly ReaderPartition[], fetchBytes: number): FetchPlan {
  const least = Math.min(leastPartitionBytes, fetchBytes)
  let room = Math.floor(fetchBytes / least)
  const partitions = candidates
    .toSorted((a, b) => a.bufferedBytes - b.bufferedBytes)
    .filter((state) => !state.isBehind || room-- > 0)
  const filled = partitions.filter((state) => state.isBehind || state.endOffset === undefined).length
  const fairBytes = Math.floor(fetchBytes / Math.max(filled, 1))
  return { partitions, partitionBytes: Math.min(Math.max(fairBytes, least), mostPartitionBytes) }
}
