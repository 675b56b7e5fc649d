import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteCursor } from '../../../src/log/kafka/byte-cursor.ts'
import { RequestFrame } from '../../../src/log/kafka/request-frame.ts'

describe('a request frame', () => {
  it('begins with its length and the header of the protocol', () => {
    const frame = new RequestFrame(1, 12, 77, 'client', true)
    const bytes = Buffer.concat(frame.finish())
    expect(bytes.readInt32BE(0)).toBe(bytes.length - 4)
    expect([bytes.readInt16BE(4), bytes.readInt16BE(6), bytes.readInt32BE(8)]).toEqual([1, 12, 77])
    expect(bytes.toString('utf8', 14, 20)).toBe('client')
    expect(bytes.subarray(20)).toEqual(Buffer.from([0]))
  })

  it('has no tags in its header for requests of the old form', () => {
    const bytes = Buffer.concat(new RequestFrame(17, 1, 1, 'c', false).finish())
    expect(bytes.length).toBe(4 + 2 + 2 + 4 + 2 + 1)
  })

  it('is read back as it was written, with large buffers in their places', () => {
    const field = fc.oneof(
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map((value) => ({ kind: 'int32' as const, value })),
      fc.maxSafeInteger().map((value) => ({ kind: 'int64' as const, value })),
      fc.string({ unit: 'binary', maxLength: 300 }).map((value) => ({ kind: 'text' as const, value })),
      fc.uint8Array({ minLength: 1, maxLength: 2000 }).map((value) => ({ kind: 'large' as const, value })),
    )
    fc.assert(
      fc.property(fc.array(field, { maxLength: 20 }), (fields) => {
        const frame = new RequestFrame(0, 9, 1, '', true)
        const headerBytes = 4 + 2 + 2 + 4 + 2 + 1
        for (const { kind, value } of fields) {
          if (kind === 'int32') frame.int32(value)
          else if (kind === 'int64') frame.int64(value)
          else if (kind === 'text') frame.compactString(value)
          else {
            frame.compactLength(value.length)
            frame.large(Buffer.from(value))
          }
        }
        frame.compactString(null)
        const bytes = Buffer.concat(frame.finish())
        expect(bytes.readInt32BE(0)).toBe(bytes.length - 4)
        const cursor = new ByteCursor(bytes)
        cursor.at = headerBytes
        for (const { kind, value } of fields) {
          if (kind === 'int32') expect(cursor.int32()).toBe(value)
          else if (kind === 'int64') expect(cursor.int64()).toBe(value)
          else if (kind === 'text') expect(cursor.compactString()).toBe(Buffer.from(value).toString())
          else {
            const length = cursor.compactLength()
            expect(bytes.subarray(cursor.at, cursor.at + length)).toEqual(Buffer.from(value))
            cursor.at += length
          }
        }
        expect(cursor.compactLength()).toBe(-1)
        expect(cursor.at).toBe(bytes.length)
      }),
    )
  })

  it('does not copy large buffers', () => {
    const frame = new RequestFrame(0, 9, 1, '', true)
    const batch = Buffer.alloc(10)
    frame.large(batch)
    frame.noTags()
    expect(frame.finish()[1]).toBe(batch)
  })
})
