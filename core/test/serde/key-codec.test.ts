import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteWriter } from '../../src/serde/byte-writer.ts'
import { decodeKey, encodeKey, KeyDecoder, keyBytes } from '../../src/serde/key-codec.ts'

const leaf = fc.oneof(
  fc.boolean(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true }).map((value) => value + 0),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ maxLength: 3 }),
  fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes)),
)

const { anyKey } = fc.letrec<{ anyKey: unknown }>((tie) => ({
  anyKey: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.array(tie('anyKey'), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: 'binary', maxLength: 3 }), tie('anyKey'), { maxKeys: 4, noNullPrototype: true }),
  ),
}))

describe('key codec', () => {
  it('gives back every key', () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        expect(decodeKey(keyBytes(key))).toStrictEqual(key)
      }),
      { numRuns: 1000 },
    )
  })

  it('gives keys the same bytes exactly when they are equal', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        expect(keyBytes(a).equals(keyBytes(b))).toBe(isDeepStrictEqual(a, b))
      }),
      { numRuns: 1000 },
    )
  })

  it('tells keys apart that look alike', () => {
    const alike: unknown[] = [
      ...[0, 0n, '0', false, '', [], {}, new Date(0), Buffer.of(0), Buffer.alloc(0)],
      ...[1, 1n, '1', true, 1.5, new Date(1), Buffer.of(1), [1], ['1'], [[1]], { 1: 1 }],
      ...['a\u0000b', 'a', ['a', 'b'], ['ab'], ['a', ['b']], { a: 'b' }, { ab: '' }, { a: { b: '' } }],
      ...[2 ** 31, 2 ** 31 - 1, -(2 ** 31), -(2 ** 31) - 1, 2 ** 53, 1e300, Number.POSITIVE_INFINITY],
      ...['\ud800', '\udc00', '\ufffd', '\ud83d\ude00', 'é', 'e\u0301', 'x'.repeat(42), 'x'.repeat(43)],
    ]
    const distinct = new Set(alike.map((key) => keyBytes(key).toString('hex')))
    expect(distinct.size).toBe(alike.length)
    expect(alike.map((key) => decodeKey(keyBytes(key)))).toStrictEqual(alike)
  })

  it('has no encoding that another one begins with', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        const [shorter, longer] = [keyBytes(a), keyBytes(b)].sort((x, y) => x.length - y.length) as [Buffer, Buffer]
        fc.pre(!shorter.equals(longer))
        expect(longer.subarray(0, shorter.length).equals(shorter)).toBe(false)
      }),
      { numRuns: 1000 },
    )
  })

  it('does not depend on the order of properties, on -0, or on the class of the bytes', () => {
    expect(keyBytes({ b: 1, a: [{ d: 1, c: 2 }] })).toEqual(keyBytes({ a: [{ c: 2, d: 1 }], b: 1 }))
    expect(keyBytes(-0)).toEqual(keyBytes(0))
    expect(keyBytes([-0])).toEqual(keyBytes([0]))
    expect(keyBytes(new Uint8Array([1, 2]))).toEqual(keyBytes(Buffer.of(1, 2)))
    expect(keyBytes(Object.assign(Object.create(null), { a: 1 }))).toEqual(keyBytes({ a: 1 }))
  })

  it('is the stored format, which must never change', () => {
    const examples: [unknown, string][] = [
      [false, '01'],
      [true, '02'],
      [-1, '0301'],
      [300, '03d804'],
      [2 ** 31, '0441e0000000000000'],
      ['né', '05036ec3a9'],
      ['\ud800', '060200d8'],
      [-129n, '0702ff7f'],
      [new Date(1), '083ff0000000000000'],
      [Buffer.of(0, 255), '090200ff'],
      [['a', 1], '0a020501610302'],
      [{ b: 1, a: 2 }, '0b0205016103040501620302'],
    ]
    expect(examples.map(([key]) => keyBytes(key).toString('hex'))).toEqual(examples.map(([, hex]) => hex))
  })

  class Point {
    readonly x = 1
  }
  const cycle: unknown[] = []
  cycle.push(cycle)
  it.each<[string, unknown, RegExp]>([
    ['undefined', undefined, /key is undefined/],
    ['null', null, /key is null/],
    ['NaN', Number.NaN, /key is NaN/],
    ['a function', () => {}, /key is a function/],
    ['a symbol', Symbol('s'), /key is a symbol/],
    ['an invalid date', new Date(Number.NaN), /key is an invalid Date/],
    ['an instance of a class', new Point(), /key is an instance of Point/],
    ['a Map', new Map(), /key is an instance of Map/],
    ['a nested undefined', { user: [{ id: undefined }] }, /key\.user\[0\]\.id is undefined/],
    ['a nested NaN', ['a', Number.NaN], /key\[1\] is NaN/],
    ['a hole in an array', new Array(1), /key\[0\] is undefined/],
    ['a cycle', cycle, /nested more than 32 deep, or contains itself/],
  ])('refuses %s and leaves the target as it was', (_, key, message) => {
    const writer = new ByteWriter(8)
    writer.writeUtf8('before')
    expect(() => encodeKey(key, writer)).toThrowError(
      expect.objectContaining({ name: 'KeyError', code: 'KEY_INVALID', message: expect.stringMatching(message) }),
    )
    expect(String(writer.toBuffer())).toBe('before')
  })

  it('decodes keys one after the other out of a larger buffer', () => {
    const writer = new ByteWriter(8)
    writer.writeUtf8('noise')
    const start = writer.position
    for (const key of ['a', 7, [1n]]) encodeKey(key, writer)
    const end = writer.position
    writer.writeUtf8('noise')
    const decoder = new KeyDecoder(writer.toBuffer(), start, end)
    expect([decoder.read(), decoder.read(), decoder.read()]).toEqual(['a', 7, [1n]])
    expect(decoder.position).toBe(end)
    expect(() => decoder.read()).toThrowError(expect.objectContaining({ code: 'KEY_INVALID' }))
  })

  it('refuses every strict beginning of a key, bytes behind it, and a property without a name', () => {
    const whole = keyBytes({ a: ['text', 1.5, 5n, new Date(1)], b: Buffer.of(1, 2, 3) })
    for (let end = 0; end < whole.length; end++) {
      expect(() => decodeKey(whole, 0, end)).toThrowError(expect.objectContaining({ code: 'KEY_INVALID' }))
    }
    for (const bytes of [Buffer.concat([whole, Buffer.of(1)]), Buffer.from('0b0103020302', 'hex'), Buffer.of(0x7f)]) {
      expect(() => decodeKey(bytes)).toThrowError(expect.objectContaining({ code: 'KEY_INVALID' }))
    }
  })

  it('answers any bytes with a key or KEY_INVALID', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), fc.integer({ min: 0, max: 12 }), (bytes, tag) => {
        try {
          decodeKey(Buffer.concat([Buffer.of(tag), bytes]))
        } catch (error) {
          expect(error).toMatchObject({ code: 'KEY_INVALID' })
        }
      }),
      { numRuns: 2000 },
    )
  })
})
