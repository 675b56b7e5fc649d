import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteWriter } from '../../src/serde/byte-writer.ts'

describe('ByteWriter', () => {
  it('holds everything that was written in its order, however often it grew', () => {
    const part = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => ({ write: (w: ByteWriter) => w.writeBytes(bytes), bytes })),
      fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => ({
        write: (w: ByteWriter) => w.writeUtf8(text),
        bytes: Buffer.from(text),
      })),
      fc.nat({ max: 255 }).map((value) => ({ write: (w: ByteWriter) => w.writeUint8(value), bytes: Buffer.of(value) })),
    )
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const writer = new ByteWriter(1)
        for (const { write } of parts) write(writer)
        expect(writer.toBuffer()).toEqual(Buffer.concat(parts.map(({ bytes }) => bytes)))
      }),
    )
  })

  it('writes numbers highest byte first', () => {
    const writer = new ByteWriter(1)
    writer.writeUint32(0x01020304)
    writer.writeFloat64(-2)
    expect(writer.toBuffer().toString('hex')).toBe('01020304c000000000000000')
  })

  it('gives a copy that later writes do not change', () => {
    const writer = new ByteWriter(16)
    writer.writeUtf8('abc')
    const copy = writer.toBuffer()
    writer.position = 0
    writer.writeUtf8('xyz')
    expect(String(copy)).toBe('abc')
  })
})
