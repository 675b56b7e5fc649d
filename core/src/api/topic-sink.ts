import type { TopicSinkSpec } from '../plan/logical-graph.ts'
import type { Serde } from '../serde/serde.ts'

export interface TopicSinkOptions<T> {
  /** Key of the record; numbers and strings are written as text. Records of a key go to one partition. */
  readonly key?: (value: T) => string | number | Uint8Array | null
  /** Partition of the record. @default by the key's hash, as Kafka's own clients do; in turn without a key */
  readonly partition?: (value: T, partitions: number) => number
  readonly headers?: (value: T) => Readonly<Record<string, string | Uint8Array>>
}

/** A topic sink as the plan knows it. */
export function topicSink<T>(
  topic: string,
  value: Serde<T>,
  { key, partition, headers }: TopicSinkOptions<T>,
): TopicSinkSpec {
  return {
    kind: 'topic',
    topic,
    value: value as Serde<unknown>,
    key: key === undefined ? null : (record) => keyBytes(key(record as T)),
    partition: (partition ?? null) as TopicSinkSpec['partition'],
    headers: headers === undefined ? null : (record) => headerList(headers(record as T)),
  }
}

function keyBytes(key: string | number | Uint8Array | null): Uint8Array | null {
  if (key === null || typeof key === 'object') return key
  return Buffer.from(String(key))
}

function headerList(headers: Readonly<Record<string, string | Uint8Array>>): { key: string; value: Uint8Array }[] {
  return Object.entries(headers).map(([key, value]) => ({
    key,
    value: typeof value === 'string' ? Buffer.from(value) : value,
  }))
}
