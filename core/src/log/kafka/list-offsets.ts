import { listOffsetsV6 } from '@platformatic/kafka'
import type { TopicPartition } from '../log.ts'
import type { Cluster } from './cluster.ts'
import { request } from './connections.ts'
import { retry } from './retry.ts'
import { DisconnectedError, expectOk, isStaleLeader, ServerError } from './server-error.ts'

/** `latest` is the end of the committed records, `uncommitted` the end of all; a number is a timestamp. */
export type OffsetPoint = 'earliest' | 'latest' | 'uncommitted' | number

const noReplica = -1
const readUncommitted = 0
const readCommitted = 1
const latestTimestamp = -1n
const earliestTimestamp = -2n

/** The offset of each partition at this point, in the order asked. @throws StreamError */
export async function listOffsets(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
  point: OffsetPoint,
): Promise<number[]> {
  if (partitions.length === 0) return []
  const { clock, settings } = cluster
  const found = new Map<string, number>()
  await retry({ clock, what: 'the offsets of topics cannot be read', timeoutMs: settings.retryTimeoutMs }, async () => {
    const rest = partitions.filter((p) => !found.has(key(p)))
    const groups = await cluster.byLeader(rest)
    await Promise.all(Array.from(groups, ([leader, group]) => listOnLeader(cluster, leader, group, point, found)))
  })
  // No record has this timestamp or a later one.
  const beyond = partitions.filter((p) => found.get(key(p)) === -1)
  if (beyond.length > 0) {
    const ends = await listOffsets(cluster, beyond, 'latest')
    for (const [i, partition] of beyond.entries()) found.set(key(partition), ends[i] ?? 0)
  }
  return partitions.map((p) => found.get(key(p)) ?? 0)
}

async function listOnLeader(
  cluster: Cluster,
  leader: number,
  partitions: readonly TopicPartition[],
  point: OffsetPoint,
  found: Map<string, number>,
): Promise<void> {
  const timestamp =
    point === 'earliest' ? earliestTimestamp : typeof point === 'number' ? BigInt(Math.ceil(point)) : latestTimestamp
  const isolation = point === 'uncommitted' ? readUncommitted : readCommitted
  try {
    const connection = await cluster.connection(leader)
    const topics = Map.groupBy(partitions, (p) => p.topic)
    const response = await request(
      connection,
      listOffsetsV6.api,
      noReplica,
      isolation,
      Array.from(topics, ([name, ofTopic]) => ({
        name,
        partitions: ofTopic.map((p) => ({ partitionIndex: p.partition, currentLeaderEpoch: -1, timestamp })),
      })),
    )
    for (const { name: topic, partitions: results } of response.topics) {
      for (const { partitionIndex: partition, errorCode, offset } of results) {
        expectOk(errorCode, `offsets of topic ${topic} partition ${partition}`)
        found.set(key({ topic, partition }), Number(offset))
      }
    }
  } catch (error) {
    if (error instanceof DisconnectedError || (error instanceof ServerError && isStaleLeader(error.code))) {
      for (const { topic } of partitions) cluster.forgetLeaders(topic)
    }
    throw error
  }
}

function key({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
