import type { ByteCursor } from './byte-cursor.ts'
import type { DataConnection } from './data-connection.ts'
import type { AbortedTransaction } from './record-batch/fetched-records.ts'
import type { RequestFrame } from './request-frame.ts'
import type { ResponseMemory } from './response-memory.ts'

export interface FetchPosition {
  readonly partition: number
  readonly fetchOffset: number
}

export interface FetchRequest {
  readonly maxWaitMs: number
  readonly maxBytes: number
  readonly partitionMaxBytes: number
  readonly topics: ReadonlyMap<string, readonly FetchPosition[]>
}

export interface FetchedPartition {
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
  readonly lastStableOffset: number
  readonly aborted: readonly AbortedTransaction[]
  /** Where the record batches lie in the response's bytes. */
  readonly start: number
  readonly end: number
}

export interface FetchResponse {
  readonly errorCode: number
  readonly bytes: Buffer
  readonly partitions: readonly FetchedPartition[]
}

const apiKey = 1
/** The last version with topic names instead of ids; Kafka 2.7 and later know it. */
const version = 12
const noReplica = -1
const leastBytes = 1
const readCommitted = 1
const noSession = 0
const noSessionEpoch = -1
const noAborted: readonly AbortedTransaction[] = []

const fetch = { apiKey, apiVersion: version }

/**
 * Fetch, read_committed, with the record batches left as bytes.
 * Source: Kafka protocol guide, Fetch API (key 1), version 12.
 * @throws DisconnectedError
 */
export async function fetchRecords(
  connection: DataConnection,
  request: FetchRequest,
  memory?: ResponseMemory,
): Promise<FetchResponse> {
  return parseResponse(await connection.request({ ...fetch, memory }, (frame) => writeRequest(frame, request)))
}

function writeRequest(frame: RequestFrame, { maxWaitMs, maxBytes, partitionMaxBytes, topics }: FetchRequest): void {
  frame.int32(noReplica)
  frame.int32(maxWaitMs)
  frame.int32(leastBytes)
  frame.int32(maxBytes)
  frame.int8(readCommitted)
  frame.int32(noSession)
  frame.int32(noSessionEpoch)
  frame.compactLength(topics.size)
  for (const [topic, partitions] of topics) {
    frame.compactString(topic)
    frame.compactLength(partitions.length)
    for (const { partition, fetchOffset } of partitions) {
      frame.int32(partition)
      frame.int32(-1)
      frame.int64(fetchOffset)
      frame.int32(-1)
      frame.int64(-1)
      frame.int32(partitionMaxBytes)
      frame.noTags()
    }
    frame.noTags()
  }
  frame.compactLength(0)
  frame.compactString('')
  frame.noTags()
}

function parseResponse(cursor: ByteCursor): FetchResponse {
  cursor.int32()
  const errorCode = cursor.int16()
  cursor.int32()
  const partitions: FetchedPartition[] = []
  for (let topics = cursor.compactLength(); topics > 0; topics--) {
    const topic = cursor.compactString()
    for (let n = cursor.compactLength(); n > 0; n--) partitions.push(parsePartition(cursor, topic))
    cursor.skipTags()
  }
  return { errorCode, bytes: cursor.bytes, partitions }
}

function parsePartition(cursor: ByteCursor, topic: string): FetchedPartition {
  const partition = cursor.int32()
  const errorCode = cursor.int16()
  cursor.int64()
  const lastStableOffset = cursor.int64()
  cursor.int64()
  const aborted = parseAborted(cursor)
  cursor.int32()
  const length = Math.max(cursor.compactLength(), 0)
  const start = cursor.at
  cursor.at += length
  cursor.skipTags()
  return { topic, partition, errorCode, lastStableOffset, aborted, start, end: start + length }
}

function parseAborted(cursor: ByteCursor): readonly AbortedTransaction[] {
  const count = cursor.compactLength()
  if (count <= 0) return noAborted
  const aborted: AbortedTransaction[] = []
  for (let i = 0; i < count; i++) {
    aborted.push({ producerId: cursor.int64(), firstOffset: cursor.int64() })
    cursor.skipTags()
  }
  return aborted
}
