import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { FastBuffer } from '../../../src/serde/json-codec/fast-buffer.ts'
import { isPlain, LITERAL, literalEnd, PLAIN, plainEnd, view } from '../../../src/serde/json-codec/scanning.ts'

/** Mostly ordinary characters, so that something is found neither at once nor never. */
const bytes = fc
  .array(fc.oneof({ weight: 12, arbitrary: fc.integer({ min: 0x20, max: 0x7f }) }, fc.nat({ max: 255 })), {
    maxLength: 60,
  })
  .map((values) => Uint8Array.from(values))

function firstNot(table: Uint8Array, given: Uint8Array, start: number, end: number): number {
  let p = start
  while (p < end && table[given[p] as number] === 1) p++
  return p
}

it('finds the end of a string, by bytes and by words, wherever they begin', () => {
  fc.assert(
    fc.property(bytes, fc.nat({ max: 9 }), fc.nat(), fc.nat(), (given, offset, from, to) => {
      const start = from % (given.length + 1)
      const end = start + (to % (given.length - start + 1))
      const memory = new ArrayBuffer(offset + given.length)
      const buffer = Buffer.from(memory, offset, given.length)
      buffer.set(given)
      for (let turn = 0; turn < 3; turn++) {
        view(buffer)
        expect(plainEnd(buffer as FastBuffer, start, end)).toBe(firstNot(PLAIN, given, start, end))
        expect(literalEnd(buffer as FastBuffer, start, end)).toBe(firstNot(LITERAL, given, start, end))
      }
    }),
    { numRuns: 2_000 },
  )
})

it('tells whether bytes are plain', () => {
  fc.assert(
    fc.property(bytes, fc.nat(), fc.nat(), (given, from, to) => {
      const start = from % (given.length + 1)
      const end = start + (to % (given.length - start + 1))
      const buffer = Buffer.concat([given, Buffer.alloc(8, '"')])
      const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
      expect(isPlain(view, start, end)).toBe(firstNot(PLAIN, given, start, end) === end)
    }),
    { numRuns: 2_000 },
  )
})

it('finds each single byte that is special, at each place', () => {
  for (let byte = 0; byte < 256; byte++) {
    for (let at = 0; at < 12; at++) {
      const buffer = Buffer.from(new ArrayBuffer(12)).fill('a')
      buffer[at] = byte
      view(buffer)
      view(buffer)
      expect(plainEnd(buffer as FastBuffer, 0, 12)).toBe(PLAIN[byte] === 1 ? 12 : at)
      expect(literalEnd(buffer as FastBuffer, 0, 12)).toBe(LITERAL[byte] === 1 ? 12 : at)
    }
  }
})
