import type { OffsetCommit } from '../log.ts'

/** Offsets as the requests of the protocol group them. */
export interface OffsetTopic {
  name: string
  partitions: {
    partitionIndex: number
    committedOffset: bigint
    committedLeaderEpoch: number
    committedMetadata: string
  }[]
}

const unknownLeaderEpoch = -1

export function offsetTopics(offsets: readonly OffsetCommit[]): OffsetTopic[] {
  return Array.from(
    Map.groupBy(offsets, (offset) => offset.topic),
    ([name, ofTopic]) => ({
      name,
      partitions: ofTopic.map(({ partition, offset, metadata }) => ({
        partitionIndex: partition,
        committedOffset: BigInt(offset),
        committedLeaderEpoch: unknownLeaderEpoch,
        committedMetadata: metadata,
      })),
    }),
  )
}
