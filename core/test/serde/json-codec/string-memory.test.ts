import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { FastBuffer } from '../../../src/serde/json-codec/fast-buffer.ts'
import { LONGEST_REMEMBERED, recall, stringMemory } from '../../../src/serde/json-codec/string-memory.ts'

const unit = fc.integer({ min: 0x20, max: 0x7f }).map((code) => String.fromCharCode(code))
const few = fc.constantFrom('a', 'b')
/** Some are often the same, or begin alike. */
const text = fc.oneof(
  fc.string({ unit: few, maxLength: LONGEST_REMEMBERED }),
  fc.string({ unit, maxLength: LONGEST_REMEMBERED }),
)

it('gives the string whose bytes it is shown, whatever it was shown before and whatever stands around them', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(text, fc.nat({ max: 5 })), { maxLength: 50 }),
      fc.nat({ max: 255 }),
      (shown, noise) => {
        const memory = stringMemory()
        for (const [given, start] of shown) {
          const buffer = Buffer.alloc(start + given.length + LONGEST_REMEMBERED, noise)
          buffer.write(given, start, 'latin1')
          const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
          expect(recall(memory, buffer as FastBuffer, view, start, given.length)).toBe(given)
        }
      },
    ),
    { numRuns: 500 },
  )
})
