import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { murmur3 } from '../../src/structure/murmur3.ts'

const hash = (bytes: Uint8Array, seed: number): number => murmur3(bytes, 0, bytes.length, seed)

describe('murmur3', () => {
  it.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['ffffffff', 0, 0x76293b50],
    ['21436587', 0, 0xf55b516b],
    ['21436587', 0x5082edee, 0x2362f9de],
    ['214365', 0, 0x7e4a8634],
    ['2143', 0, 0xa0f7b07a],
    ['21', 0, 0x72661cf4],
    ['00000000', 0, 0x2362f9de],
    ['000000', 0, 0x85f0b427],
    ['0000', 0, 0x30f4c306],
    ['00', 0, 0x514e28b7],
  ])('hashes the bytes %s with seed %i as the reference does', (hex, seed, expected) => {
    expect(hash(Buffer.from(hex, 'hex'), seed)).toBe(expected)
  })

  it.each([
    ['a', 0x7fa09ea6],
    ['aa', 0x5d211726],
    ['aaa', 0x283e0130],
    ['aaaa', 0x5a97808a],
    ['Hello, world!', 0x24884cba],
    ['The quick brown fox jumps over the lazy dog', 0x2fa826cd],
  ])('hashes the text %s as the reference does', (text, expected) => {
    expect(hash(Buffer.from(text), 0x9747b28c)).toBe(expected)
  })

  it('looks at the given range only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9 }), fc.uint8Array({ maxLength: 20 }), fc.uint8Array(), (a, b, c) => {
        const all = Buffer.concat([a, b, c])
        expect(murmur3(all, a.length, a.length + b.length)).toBe(hash(b, 0))
      }),
    )
  })

  it('gives integers of 32 bits without sign', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.integer(), (bytes, seed) => {
        const value = hash(bytes, seed)
        expect(value >>> 0).toBe(value)
      }),
    )
  })

  it('spreads counting keys over 128 groups evenly', () => {
    const counts = new Array<number>(128).fill(0)
    for (let key = 0; key < 128_000; key++) {
      const group = hash(Buffer.from(`key-${key}`), 0) % 128
      counts[group] = (counts[group] as number) + 1
    }
    // Chi squared with 127 degrees of freedom: beyond 181 with a probability of one in a thousand.
    expect(counts.reduce((sum, count) => sum + (count - 1_000) ** 2 / 1_000, 0)).toBeLessThan(181)
  })
})
