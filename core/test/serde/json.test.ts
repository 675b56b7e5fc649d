import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { json } from '../../src/serde/json.ts'
import { encoded, expectDecodeError, throughRange } from './codec.ts'

describe('json', () => {
  it('gives back every JSON value from a range of a larger buffer', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        expect(throughRange(json(), value)).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  it('writes plain JSON text', () => {
    expect(String(encoded(json(), { a: [1, 'é', null] }))).toBe('{"a":[1,"é",null]}')
  })

  it.each(['', '{', '{"a":}', 'undefined', '1 2', '\u0000'])('refuses %j with DECODE_FAILED', (text) => {
    expectDecodeError(json(), Buffer.from(text))
  })

  it('keeps the cause of what did not decode', () => {
    expect(() => json().decode(Buffer.from('nope'), 0, 4)).toThrowError(
      expect.objectContaining({ name: 'DecodeError', cause: expect.any(SyntaxError) }),
    )
  })

  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  it.each([
    ['undefined', undefined],
    ['a function', () => {}],
    ['a symbol', Symbol('s')],
    ['a bigint', 1n],
    ['a cycle', cycle],
  ])('refuses to write %s with ENCODE_FAILED', (_, value) => {
    expect(() => encoded(json<unknown>(), value)).toThrowError(expect.objectContaining({ code: 'ENCODE_FAILED' }))
  })
})
