const multiplier = 0x5bd1e995
const kafkaSeed = 0x9747b28c

/**
 * MurmurHash2 of `bytes[start, end)` as Kafka's Java client computes it; a signed 32-bit integer.
 *
 * Source: Austin Appleby, MurmurHash2 (public domain), with the seed of `org.apache.kafka.common.utils.Utils.murmur2`.
 */
export function murmur2(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  let hash = kafkaSeed ^ length
  const blocksEnd = start + (length & ~3)
  let at = start
  for (; at < blocksEnd; at += 4) {
    const block = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    const mixed = Math.imul(block, multiplier)
    hash = Math.imul(hash, multiplier) ^ Math.imul(mixed ^ (mixed >>> 24), multiplier)
  }
  const rest = end - at
  if (rest > 0) {
    if (rest > 2) hash ^= bytes[at + 2]! << 16
    if (rest > 1) hash ^= bytes[at + 1]! << 8
    hash = Math.imul(hash ^ bytes[at]!, multiplier)
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier)
  return hash ^ (hash >>> 15)
}

/** The partition that the default partitioner of Kafka's Java client gives to a record with this key. */
export function murmur2Partition(key: Uint8Array, partitions: number, start = 0, end: number = key.length): number {
  return (murmur2(key, start, end) & 0x7fffffff) % partitions
}
