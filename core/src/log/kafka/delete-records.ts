import { deleteRecordsV2 } from '@platformatic/kafka'
import type { PartitionOffset } from '../log.ts'
import type { Cluster } from './cluster.ts'
import { request } from './connections.ts'
import { retry } from './retry.ts'
import { DisconnectedError, expectOk, isStaleLeader, ServerError } from './server-error.ts'

/** Lets each partition's leader drop the records below an offset. @throws StreamError */
export async function deleteRecords(cluster: Cluster, before: readonly PartitionOffset[]): Promise<void> {
  if (before.length === 0) return
  const { clock, settings } = cluster
  await retry({ clock, what: 'records cannot be deleted', timeoutMs: settings.retryTimeoutMs }, async () => {
    const groups = await cluster.byLeader(before)
    await Promise.all(Array.from(groups, ([leader, group]) => deleteOnLeader(cluster, leader, group)))
  })
}

async function deleteOnLeader(cluster: Cluster, leader: number, before: readonly PartitionOffset[]): Promise<void> {
  try {
    const response = await request(
      await cluster.connection(leader),
      deleteRecordsV2.api,
      Array.from(
        Map.groupBy(before, ({ topic }) => topic),
        ([name, ofTopic]) => ({
          name,
          partitions: ofTopic.map(({ partition, offset }) => ({ partitionIndex: partition, offset: BigInt(offset) })),
        }),
      ),
      cluster.settings.requestTimeoutMs,
    )
    for (const { name, partitions } of response.topics) {
      for (const { partitionIndex, errorCode } of partitions) {
        expectOk(errorCode, `delete records of topic ${name} partition ${partitionIndex}`)
      }
    }
  } catch (error) {
    if (error instanceof DisconnectedError || (error instanceof ServerError && isStaleLeader(error.code))) {
      for (const { topic } of before) cluster.forgetLeaders(topic)
    }
    throw error
  }
}
