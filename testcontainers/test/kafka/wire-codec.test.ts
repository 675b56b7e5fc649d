import fc from 'fast-check'
import { expect, it } from 'vitest'
import { WireReader, WireWriter } from '../../src/kafka/wire-codec.ts'

it('reads back what it wrote', () => {
  const int = (bits: number) => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 })
  fc.assert(
    fc.property(int(8), int(16), int(32), fc.string({ unit: 'grapheme' }), (a, b, c, text) => {
      const data = new WireWriter().int8(a).string(text).int16(b).int32(c).toBuffer()
      const reader = new WireReader(data)
      expect([reader.int8(), reader.string(), reader.int16(), reader.int32()]).toEqual([a, text, b, c])
    }),
  )
})

it('reads a text of length -1 as null and refuses to read past the end', () => {
  const reader = new WireReader(new WireWriter().int16(-1).toBuffer())
  expect(reader.string()).toBeNull()
  expect(() => reader.int8()).toThrow(RangeError)
})
