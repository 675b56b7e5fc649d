import { type API, createAPI, type Reader, Writer } from '@platformatic/kafka'
import { ByteCursor } from './byte-cursor.ts'

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

/** Produce. Source: Kafka protocol guide, Produce API (key 0), version 9. */
export const produceApi: API<[ProduceRequest], readonly ProducedPartition[]> = createAPI<
  [ProduceRequest],
  readonly ProducedPartition[]
>(apiKey, version, createRequest, (_correlationId, _apiKey, _apiVersion, reader) => parseResponse(reader))

function createRequest({ transactionalId, timeoutMs, topics }: ProduceRequest): Writer {
  return Writer.create()
    .appendString(transactionalId)
    .appendInt16(allReplicas)
    .appendInt32(timeoutMs)
    .appendArray([...topics], (w, [topic, batches]) => {
      w.appendString(topic).appendArray(batches.slice(), (w, { partition, bytes }) => {
        w.appendInt32(partition)
          .appendUnsignedVarInt(bytes.length + 1)
          .append(bytes)
      })
    })
    .appendTaggedFields()
}

function parseResponse(reader: Reader): readonly ProducedPartition[] {
  const cursor = new ByteCursor(reader.buffer.slice(reader.position, reader.length))
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
