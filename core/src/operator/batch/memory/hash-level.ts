import { ByteWriter } from '../../../serde/byte-writer.ts'
import { encodeKey } from '../../../serde/key-codec.ts'
import { murmur3 } from '../../../structure/murmur3.ts'

/** Partitions that a hash table is split into when it does not fit: a power of two. */
export const FAN_OUT = 16
/** Splitting more often than this does not help: what is left is a few keys with very much each. */
export const MAX_LEVEL = 4

const scratch = new ByteWriter(256)

/** The hash of a key at this level, 32 bits with a sign; hashes of different levels have nothing to do with each other. */
export function hashAt(level: number, key: unknown): number {
  // The seed sets it apart from the hash by which the exchange has chosen the task.
  const seed = (0x9e3779b9 + Math.imul(level, 0x61c88647)) | 0
  if (typeof key === 'number' && key === (key | 0)) return mixed(key ^ seed)
  scratch.position = 0
  encodeKey(key, scratch)
  return murmur3(scratch.buffer, 0, scratch.position, seed) | 0
}

/** Which partition a key with this hash belongs to. */
export function partitionOf(hash: number): number {
  return hash & (FAN_OUT - 1)
}

export function partitionAt(level: number, key: unknown): number {
  return partitionOf(hashAt(level, key))
}

/** The finalizer of MurmurHash3. */
function mixed(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
