import { type API, createAPI, type Reader, Writer } from '@platformatic/kafka'
import { ByteCursor } from './byte-cursor.ts'
import type { AbortedTransaction } from './record-batch/fetched-records.ts'

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
const readCommitted = 1
const noSession = 0
const noSessionEpoch = -1
const noAborted: readonly AbortedTransaction[] = []

/**
 * Fetch, read_committed, with the record batches left as bytes.
 * Source: Kafka protocol guide, Fetch API (key 1), version 12.
 */
export const fetchApi: API<[FetchRequest], FetchResponse> = createAPI<[FetchRequest], FetchResponse>(
  apiKey,
  version,
  createRequest,
  (_correlationId, _apiKey, _apiVersion, reader) => parseResponse(reader),
)

function createRequest({ maxWaitMs, maxBytes, partitionMaxBytes, topics }: FetchRequest): Writer {
  return Writer.create()
    .appendInt32(noReplica)
    .appendInt32(maxWaitMs)
    .appendInt32(1)
    .appendInt32(maxBytes)
    .appendInt8(readCommitted)
    .appendInt32(noSession)
    .appendInt32(noSessionEpoch)
    .appendArray([...topics], (w, [topic, partitions]) => {
      w.appendString(topic).appendArray(partitions.slice(), (w, { partition, fetchOffset }) => {
        w.appendInt32(partition)
          .appendInt32(-1)
          .appendInt64(BigInt(fetchOffset))
          .appendInt32(-1)
          .appendInt64(-1n)
          .appendInt32(partitionMaxBytes)
      })
    })
    .appendArray([], () => {})
    .appendString('')
    .appendTaggedFields()
}

function parseResponse(reader: Reader): FetchResponse {
  // One buffer for the whole response: the socket's chunks are put together here and nowhere else.
  const bytes = reader.buffer.slice(reader.position, reader.length)
  const cursor = new ByteCursor(bytes)
  cursor.int32()
  const errorCode = cursor.int16()
  cursor.int32()
  const partitions: FetchedPartition[] = []
  for (let topics = cursor.compactLength(); topics > 0; topics--) {
    const topic = cursor.compactString()
    for (let n = cursor.compactLength(); n > 0; n--) partitions.push(parsePartition(cursor, topic))
    cursor.skipTags()
  }
  return { errorCode, bytes, partitions }
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
