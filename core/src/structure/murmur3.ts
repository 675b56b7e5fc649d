/**
 * MurmurHash3, x86, 32 bits, of `bytes[start, end)`; an unsigned 32-bit integer. Key groups are computed with it, so its
 * values must never change.
 *
 * Source: Austin Appleby, MurmurHash3_x86_32 (public domain).
 */
export function murmur3(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  let hash = seed | 0
  const blocksEnd = start + ((end - start) & ~3)
  let at = start
  for (; at < blocksEnd; at += 4) {
    hash ^= scramble(bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
    hash = (hash << 13) | (hash >>> 19)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  const rest = end - at
  if (rest > 0) {
    let tail = bytes[at]!
    if (rest > 1) tail |= bytes[at + 1]! << 8
    if (rest > 2) tail |= bytes[at + 2]! << 16
    hash ^= scramble(tail)
  }
  hash ^= end - start
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function scramble(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51)
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593)
}
