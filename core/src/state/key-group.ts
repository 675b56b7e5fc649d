import { murmur3 } from '../structure/murmur3.ts'

/** The key group of a serialized key: its murmur3 hash modulo the number of key groups. */
export function keyGroupOf(bytes: Buffer, start: number, end: number, maxParallelism: number): number {
  return murmur3(bytes, start, end) % maxParallelism
}

/** The task that owns a key group: key groups are dealt out in contiguous ranges of nearly equal size. */
export function taskOfKeyGroup(keyGroup: number, maxParallelism: number, parallelism: number): number {
  return Math.floor((keyGroup * parallelism) / maxParallelism)
}
