import fc from 'fast-check'
import { Packr } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { json } from '../../src/serde/json.ts'
import { msgpack, rowSerde } from '../../src/serde/msgpack.ts'
import { decodedFrom, encoded, expectDecodeError, throughRange } from './codec.ts'

const propertyName = fc.string().filter((name) => name !== '__proto__')

const leaf = fc.oneof(
  fc.constantFrom(null, undefined, true, false),
  fc.double({ noNaN: true }).map((value) => value + 0),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 100n), max: 2n ** 100n }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
)

const { any } = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.array(tie('any'), { maxLength: 20 }),
    fc.dictionary(propertyName, tie('any'), { noNullPrototype: true }),
    fc.array(fc.tuple(leaf, tie('any'))).map((entries) => new Map(entries)),
    fc.array(tie('any'), { maxLength: 5 }).map((elements) => new Set(elements)),
  ),
}))

describe('msgpack', () => {
  it('gives back nested values of all its types from a range of a larger buffer', () => {
    fc.assert(
      fc.property(any, (value) => {
        expect(throughRange(msgpack<unknown>(), value)).toStrictEqual(value)
      }),
      { numRuns: 500 },
    )
  })

  it('decodes every value alone, whatever was decoded before', () => {
    const first = encoded(msgpack(), { a: 1, b: 2 })
    const second = encoded(msgpack(), { a: 3, b: 4 })
    expect(decodedFrom(msgpack(), second)).toEqual({ a: 3, b: 4 })
    expect(decodedFrom(msgpack(), first)).toEqual({ a: 1, b: 2 })
  })

  it('writes objects as standard maps, which other languages read', () => {
    expect(encoded(msgpack(), { a: 1 }).toString('hex')).toMatch(/^(81|de0001|df00000001)a16101$/)
  })

  it('writes integers in as few bytes as the format allows', () => {
    const edges = [
      0,
      0x7f,
      0x80,
      0xff,
      0x100,
      0xffff,
      0x10000,
      2 ** 31 - 1,
      -1,
      -0x20,
      -0x21,
      -0x80,
      -0x81,
      -0x8000,
      -0x8001,
    ]
    const packr = new Packr({ useRecords: false })
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(...edges, -(2 ** 31)), fc.integer()), (value) => {
        expect(encoded(msgpack<number>(), value)).toEqual(Buffer.from(packr.pack(value)))
      }),
    )
  })

  it('keeps what was decoded when more is written', () => {
    const bytes = encoded(msgpack(), 'first')
    encoded(msgpack(), 'other')
    expect(decodedFrom(msgpack(), bytes)).toBe('first')
  })

  it('refuses every strict beginning of a value and a value with bytes behind it', () => {
    const whole = encoded(msgpack(), {
      id: 'order-1',
      items: [1, 2, 300, 70_000],
      at: new Date(5),
      map: new Map([[1, 2]]),
    })
    for (let end = 0; end < whole.length; end++) expectDecodeError(msgpack(), whole.subarray(0, end))
    expectDecodeError(msgpack(), Buffer.concat([whole, Buffer.of(1)]))
  })

  it('does not read beyond the end of its range', () => {
    const whole = encoded(msgpack(), 'a text of some length')
    expect(() => msgpack().decode(whole, 0, whole.length - 3)).toThrowError(
      expect.objectContaining({ code: 'DECODE_FAILED' }),
    )
  })

  it('answers any bytes with a value or DECODE_FAILED', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
        try {
          decodedFrom(msgpack(), bytes)
        } catch (error) {
          expect(error).toMatchObject({ code: 'DECODE_FAILED' })
        }
        expect(decodedFrom(msgpack(), encoded(msgpack<unknown>(), { still: 'works' }))).toEqual({ still: 'works' })
      }),
      { numRuns: 2000 },
    )
  })

  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  const mapCycle = new Map<string, unknown>()
  mapCycle.set('self', mapCycle)
  it.each([
    ['a function', () => {}],
    ['a function within an object', { f: () => {} }],
    ['a symbol', { s: Symbol('s') }],
    ['a cycle', cycle],
    ['a cycle through a Map', mapCycle],
  ])('refuses to write %s with ENCODE_FAILED and goes on working', (_, value) => {
    expect(() => encoded(msgpack<unknown>(), value)).toThrowError(expect.objectContaining({ code: 'ENCODE_FAILED' }))
    expect(throughRange(msgpack<unknown>(), [1, 'x'])).toEqual([1, 'x'])
  })
})

describe('the serde for rows that stay in the process', () => {
  it('gives back what msgpack gives back, in whatever order rows of whatever shapes are read', () => {
    const rows = rowSerde(msgpack<unknown>())
    fc.assert(
      fc.property(fc.array(any, { maxLength: 12 }), (values) => {
        const all = values.map((value) => encoded(rows, value))
        expect(all.map((bytes) => decodedFrom(rows, bytes)).toReversed()).toStrictEqual(values.toReversed())
        expect(all.toReversed().map((bytes) => decodedFrom(rows, bytes))).toStrictEqual(values.toReversed())
      }),
      { numRuns: 500 },
    )
    class Point {
      x = 1
      y = undefined
    }
    for (const value of [new Point(), { a: new Point(), b: [-0] }]) {
      expect(decodedFrom(rows, encoded(rows, value))).toStrictEqual(decodedFrom(msgpack(), encoded(msgpack(), value)))
    }
  })

  it('writes the names of fields once', () => {
    const rows = rowSerde(msgpack<unknown>())
    for (let n = 0; n < 3; n++) encoded(rows, { 'a long name': n, 'another long name': n })
    expect(encoded(rows, { 'a long name': 1, 'another long name': 2 }).length).toBeLessThan(8)
  })

  it('is the serde itself where that is another one', () => {
    const own = json<number>()
    expect(rowSerde(own)).toBe(own)
  })
})
