import type { ByteCursor } from './byte-cursor.ts'
import type { DataConnection } from './data-connection.ts'
import type { RequestFrame } from './request-frame.ts'

export interface ProducedBatch {
  readonly partition: number
  /** A finished record batch. */
  readonly bytes: Buffer
}

export interface ProduceRequest {
  readonly transactionalId: string | null
  readonly timeoutMs: number
  readonly topics: ReadonlyMap<string, readonly ProducedBatch[]>
}

export interface ProducedPartition {
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
}

const apiKey = 0
/** Version 12 would add partitions to transactions by itself, which only servers from 4.0 on do; 9 is known since 2.8. */
const version = 9
const allReplicas = -1

const produce = { apiKey, apiVersion: version }

/**
 * Produce. Source: Kafka protocol guide, Produce API (key 0), version 9.
 * @throws DisconnectedError
 */
export async function produceBatches(
  connection: DataConnection,
  request: ProduceRequest,
): Promise<readonly ProducedPartition[]> {
  return parseResponse(await connection.request(produce, (frame) => writeRequest(frame, request)))
}

function writeRequest(frame: RequestFrame, { transactionalId, timeoutMs, topics }: ProduceRequest): void {
  frame.compactString(transactionalId)
  frame.int16(allReplicas)
  frame.int32(timeoutMs)
  frame.compactLength(topics.size)
  for (const [topic, batches] of topics) {
    frame.compactString(topic)
    frame.compactLength(batches.length)
    for (const { partition, bytes } of batches) {
      frame.int32(partition)
      frame.compactLength(bytes.length)
      frame.large(bytes)
      frame.noTags()
    }
    frame.noTags()
  }
  frame.noTags()
}

function parseResponse(cursor: ByteCursor): readonly ProducedPartition[] {
  const produced: ProducedPartition[] = []
  for (let topics = cursor.compactLength(); topics > 0; topics--) {
    const topic = cursor.compactString()
    for (let n = cursor.compactLength(); n > 0; n--) {
      const partition = cursor.int32()
      const errorCode = cursor.int16()
      cursor.at += 24
      for (let errors = cursor.compactLength(); errors > 0; errors--) {
        cursor.int32()
        cursor.compactString()
        cursor.skipTags()
      }
      cursor.compactString()
      cursor.skipTags()
      produced.push({ topic, partition, errorCode })
    }
    cursor.skipTags()
  }
  return produced
}
