import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { murmur2, murmur2Partition } from '../../src/structure/murmur2.ts'

/** The algorithm as published, in arithmetic of arbitrary size. */
function published(bytes: Uint8Array): number {
  const word = (value: bigint): bigint => BigInt.asUintN(32, value)
  const m = 0x5bd1e995n
  let hash = word(0x9747b28cn ^ BigInt(bytes.length))
  const blocks = bytes.length >> 2
  for (let block = 0; block < blocks; block++) {
    let k = BigInt(Buffer.from(bytes).readUInt32LE(block * 4))
    k = word(k * m)
    k = word((k ^ (k >> 24n)) * m)
    hash = word(hash * m) ^ k
  }
  const tail = bytes.subarray(blocks * 4)
  if (tail.length > 0) {
    for (const [index, byte] of tail.entries()) hash ^= BigInt(byte) << BigInt(8 * index)
    hash = word(hash * m)
  }
  hash = word((hash ^ (hash >> 13n)) * m)
  return Number(BigInt.asIntN(32, hash ^ (hash >> 15n)))
}

describe('murmur2', () => {
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('gives %s the hash that the Java client gives it', (text, hash) => {
    const bytes = Buffer.from(text)
    expect(murmur2(bytes, 0, bytes.length)).toBe(hash)
  })

  it('is the published algorithm for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(murmur2(bytes, 0, bytes.length)).toBe(published(bytes))
      }),
    )
  })

  it('looks at the given range only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9 }), fc.uint8Array({ maxLength: 20 }), fc.uint8Array(), (a, b, c) => {
        const all = Buffer.concat([a, b, c])
        expect(murmur2(all, a.length, a.length + b.length)).toBe(murmur2(b, 0, b.length))
      }),
    )
  })

  it('gives a partition that exists, also for a negative hash', () => {
    expect(murmur2Partition(Buffer.from('21'), 1_000)).toBe((-973932308 & 0x7fffffff) % 1_000)
    fc.assert(
      fc.property(fc.uint8Array(), fc.integer({ min: 1, max: 500 }), (key, partitions) => {
        const partition = murmur2Partition(key, partitions)
        expect(Number.isInteger(partition) && partition >= 0 && partition < partitions).toBe(true)
      }),
    )
  })
})
