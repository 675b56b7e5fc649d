import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bigint, bytes, number, string } from '../../src/serde/primitives.ts'
import { decodedFrom, encoded, expectDecodeError, throughRange } from './codec.ts'

describe('string', () => {
  it('gives back every text from a range of a larger buffer', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(throughRange(string(), text)).toBe(text.toWellFormed())
      }),
    )
  })

  it('is UTF-8, and U+FFFD where the bytes are not', () => {
    expect(encoded(string(), 'é€😀').toString('hex')).toBe('c3a9e282acf09f9880')
    expect(decodedFrom(string(), Buffer.of(0x61, 0xff, 0x62))).toBe('a\ufffdb')
  })
})

describe('bytes', () => {
  it('gives back a copy of what was written', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (value) => {
        expect(throughRange(bytes(), value)).toEqual(Buffer.from(value))
      }),
    )
  })
})

describe('number', () => {
  it('gives back every number, also NaN, infinities and the negative zero', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        expect(Object.is(throughRange(number(), value), value)).toBe(true)
      }),
      { examples: [[Number.NaN], [-0], [Number.POSITIVE_INFINITY]] },
    )
  })

  it.each([0, 4, 7, 9])('refuses %i bytes', (length) => {
    expectDecodeError(number(), Buffer.alloc(length))
  })
})

describe('bigint', () => {
  it('gives back every bigint in as few bytes as its two’s complement needs', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }), (value) => {
        expect(throughRange(bigint(), value)).toBe(value)
        const { length } = encoded(bigint(), value)
        expect(BigInt.asIntN(length * 8, value)).toBe(value)
        if (length > 1) expect(BigInt.asIntN((length - 1) * 8, value)).not.toBe(value)
      }),
      { examples: [0n, -1n, 127n, 128n, -128n, -129n, 2n ** 63n, -(2n ** 63n)].map((value) => [value]) },
    )
  })

  it('refuses no bytes', () => {
    expectDecodeError(bigint(), Buffer.alloc(0))
  })
})
