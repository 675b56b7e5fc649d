import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  MAX_VARINT_BYTES,
  unzigzag,
  VarintReader,
  varintLength,
  writeSignedVarint,
  writeVarint,
  zigzag,
} from '../../src/structure/varint.ts'

const edges = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]
const natural = fc.oneof(fc.constantFrom(...edges), fc.maxSafeNat(), fc.nat({ max: 300 }))
const halfRange = 2 ** 52 - 1
const signed = fc.oneof(
  fc.constantFrom(0, -1, 1, -64, 64, 2 ** 31, -(2 ** 31), halfRange, -halfRange),
  fc.integer({ min: -halfRange, max: halfRange }),
  fc.integer({ min: -300, max: 300 }),
)

/** The encoding by its definition. */
function encoded(value: bigint): number[] {
  const bytes: number[] = []
  let rest = value
  do {
    bytes.push(Number(rest & 0x7fn) | (rest >= 0x80n ? 0x80 : 0))
    rest >>= 7n
  } while (rest > 0n)
  return bytes
}

describe('varints', () => {
  it('are written as they are defined, and are as long as announced', () => {
    fc.assert(
      fc.property(natural, fc.nat({ max: 5 }), (value, at) => {
        const target = new Uint8Array(at + MAX_VARINT_BYTES)
        const end = writeVarint(target, at, value)
        const expected = encoded(BigInt(value))
        expect([...target.subarray(at, end)]).toEqual(expected)
        expect(varintLength(value)).toBe(expected.length)
      }),
    )
  })

  it('are read back one after the other', () => {
    fc.assert(
      fc.property(fc.array(natural), fc.array(signed), (naturals, integers) => {
        const target = new Uint8Array((naturals.length + integers.length) * MAX_VARINT_BYTES)
        let end = 0
        for (const value of naturals) end = writeVarint(target, end, value)
        for (const value of integers) end = writeSignedVarint(target, end, value)
        const reader = new VarintReader(target, 0, end)
        expect(naturals.map(() => reader.read())).toEqual(naturals)
        expect(integers.map(() => reader.readSigned())).toEqual(integers)
        expect(reader.position).toBe(end)
      }),
    )
  })

  it('keep small magnitudes short by zigzag', () => {
    expect([0, -1, 1, -2, 2].map(zigzag)).toEqual([0, 1, 2, 3, 4])
    fc.assert(
      fc.property(signed, (value) => {
        expect(unzigzag(zigzag(value))).toBe(value)
      }),
    )
  })

  it('are refused when the bytes end within one, and the position stays', () => {
    fc.assert(
      fc.property(natural, (value) => {
        const target = new Uint8Array(MAX_VARINT_BYTES)
        const end = writeVarint(target, 0, value)
        const reader = new VarintReader(target, 0, end - 1)
        expect(() => reader.read()).toThrow(RangeError)
        expect(reader.position).toBe(0)
      }),
    )
  })

  it.each([
    ['2^53', encoded(2n ** 53n)],
    ['2^63', encoded(2n ** 63n)],
    ['more bytes than any integer has', new Array<number>(20).fill(0x80)],
  ])('are refused when they are no safe integer: %s', (_, bytes) => {
    expect(() => new VarintReader(Uint8Array.from(bytes)).read()).toThrow(RangeError)
  })
})
