import type { TopicPartition } from '../log.ts'

/*
 * What the members of a consumer group tell each other, in the format of Kafka's own consumers, so that the tools of Kafka
 * can show who reads what. Source: ConsumerProtocolSubscription.json and ConsumerProtocolAssignment.json, version 0.
 *
 *     subscription: version int16 | topics: int32 count, (int16 length, name)* | user data: int32 length, bytes
 *     assignment:   version int16 | topics: int32 count, (int16 length, name, int32 count, int32*)* | user data
 */

const version = 0

export function encodeSubscription(topics: readonly string[], userData: Uint8Array): Buffer {
  return Buffer.concat([int16(version), int32(topics.length), ...topics.map(text), int32(userData.length), userData])
}

/** The user data of a subscription. */
export function decodeSubscription(bytes: Buffer): Buffer {
  let at = 6
  for (let topics = bytes.readInt32BE(2); topics > 0; topics--) at += 2 + bytes.readInt16BE(at)
  return userDataAt(bytes, at)
}

export function encodeAssignment(partitions: readonly TopicPartition[], userData: Uint8Array): Buffer {
  const topics = Map.groupBy(partitions, (partition) => partition.topic)
  const parts: Uint8Array[] = [int16(version), int32(topics.size)]
  for (const [topic, ofTopic] of topics) {
    parts.push(text(topic), int32(ofTopic.length), ...ofTopic.map(({ partition }) => int32(partition)))
  }
  return Buffer.concat([...parts, int32(userData.length), userData])
}

/** The user data of an assignment. A member that the leader left out gets no bytes at all. */
export function decodeAssignment(bytes: Buffer): Buffer {
  if (bytes.length === 0) return bytes
  let at = 6
  for (let topics = bytes.readInt32BE(2); topics > 0; topics--) {
    at += 2 + bytes.readInt16BE(at)
    at += 4 + 4 * bytes.readInt32BE(at)
  }
  return userDataAt(bytes, at)
}

function userDataAt(bytes: Buffer, at: number): Buffer {
  const length = bytes.readInt32BE(at)
  return bytes.subarray(at + 4, at + 4 + Math.max(length, 0))
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8')
  return Buffer.concat([int16(bytes.length), bytes])
}

function int16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}
