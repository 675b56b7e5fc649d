import { ByteWriter } from '../../../serde/byte-writer.ts'
import { encodeKey } from '../../../serde/key-codec.ts'
import { murmur3 } from '../../../structure/murmur3.ts'

/** Partitions that a hash table is split into when it does not fit. */
export const FAN_OUT = 16
/** Splitting more often than this does not help: what is left is a few keys with very much each. */
export const MAX_LEVEL = 4

const scratch = new ByteWriter(256)

/** Which partition a key belongs to at this level; partitions of different levels have nothing to do with each other. */
export function partitionAt(level: number, key: unknown): number {
  scratch.position = 0
  encodeKey(key, scratch)
  // The seed sets it apart from the hash by which the exchange has chosen the task.
  return murmur3(scratch.buffer, 0, scratch.position, 0x9e3779b9 + level) % FAN_OUT
}
