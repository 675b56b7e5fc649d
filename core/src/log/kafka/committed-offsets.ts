import { offsetFetchV7 } from '@platformatic/kafka'
import type { CommittedOffset, TopicPartition } from '../log.ts'
import type { Cluster } from './cluster.ts'
import { request } from './connections.ts'
import { retry } from './retry.ts'
import { code, expectOk, ServerError } from './server-error.ts'

/**
 * What the group has committed, in the order asked. Waits for the decision of transactions that hold offsets of the group
 * (`require_stable`); `undecided`, where given, is done once when there are any. @throws StreamError
 */
export async function committedOffsets(
  cluster: Cluster,
  group: string,
  partitions: readonly TopicPartition[],
  undecided?: () => Promise<void>,
): Promise<(CommittedOffset | null)[]> {
  if (partitions.length === 0) return []
  const { clock, settings } = cluster
  const what = `the offsets of group ${group} cannot be read`
  const topics = Array.from(
    Map.groupBy(partitions, (p) => p.topic),
    ([name, ofTopic]) => ({ name, partitionIndexes: ofTopic.map((p) => p.partition) }),
  )
  const read = (): Promise<Map<string, CommittedOffset>> =>
    cluster.coordinate('group', group, async (connection) => {
      const response = await request(connection, offsetFetchV7.api, [{ groupId: group, topics }], true)
      expectOk(response.errorCode, 'offset fetch')
      const offsets = new Map<string, CommittedOffset>()
      for (const { name, partitions: results } of response.topics) {
        for (const { partitionIndex, committedOffset, metadata, errorCode } of results) {
          expectOk(errorCode, `offset fetch of topic ${name} partition ${partitionIndex}`)
          // -1 means that the group has committed none.
          if (committedOffset < 0n) continue
          offsets.set(`${name}/${partitionIndex}`, { offset: Number(committedOffset), metadata: metadata ?? '' })
        }
      }
      return offsets
    })
  let isDecided = undecided === undefined
  const found = await retry({ clock, what, timeoutMs: settings.retryTimeoutMs, firstDelayMs: 5 }, async () => {
    try {
      return await read()
    } catch (error) {
      if (!isDecided && error instanceof ServerError && error.code === code.UNSTABLE_OFFSET_COMMIT) {
        isDecided = true
        await undecided?.()
      }
      throw error
    }
  })
  return partitions.map(({ topic, partition }) => found.get(`${topic}/${partition}`) ?? null)
}
