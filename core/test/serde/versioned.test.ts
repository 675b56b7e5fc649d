import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytes, json, msgpack, number, type Serde, string, versioned } from '../../src/index.ts'
import { decodedFrom, encoded, expectDecodeError, throughRange } from './codec.ts'

interface V1 {
  readonly amount: number
}
interface V2 {
  readonly cents: number
}
interface V3 {
  readonly cents: number
  readonly currency: string
}

const first = versioned(msgpack<V1>(), { version: 1 })
const second = versioned(json<V2>(), {
  version: 2,
  from: { 1: { serde: msgpack<V1>(), migrate: (old) => ({ cents: old.amount * 100 }) } },
})
const third: Serde<V3> = versioned(msgpack<V3>(), {
  version: 3,
  from: {
    1: { serde: msgpack<V1>(), migrate: (old) => ({ cents: old.amount * 100, currency: 'EUR' }) },
    2: { serde: json<V2>(), migrate: (old) => ({ ...old, currency: 'EUR' }) },
  },
  unversioned: { serde: string(), migrate: (text) => ({ cents: Number(text), currency: 'none' }) },
})

describe('a versioned serde', () => {
  it('gives back what it wrote, and what every former version wrote, migrated', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e6, max: 1e6 }), fc.string(), (n, currency) => {
        expect(throughRange(third, { cents: n, currency })).toEqual({ cents: n, currency })
        expect(decodedFrom(second, encoded(first, { amount: n }))).toEqual({ cents: n * 100 })
        expect(decodedFrom(third, encoded(first, { amount: n }))).toEqual({ cents: n * 100, currency: 'EUR' })
        expect(decodedFrom(third, encoded(second, { cents: n }))).toEqual({ cents: n, currency: 'EUR' })
        expect(decodedFrom(third, encoded(string(), String(n)))).toEqual({ cents: n, currency: 'none' })
      }),
    )
  })

  it('tells any text and any data without a version from its own', () => {
    const upgraded = versioned(number(), { version: 1, unversioned: { serde: string(), migrate: () => -1 } })
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => decodedFrom(upgraded, encoded(string(), text)) === -1),
    )
    const fromData = versioned(number(), { version: 1, unversioned: { serde: msgpack<unknown>(), migrate: () => -1 } })
    fc.assert(
      fc.property(fc.anything({ withMap: true, withDate: true }), (data) => {
        fc.pre(canBeWritten(data))
        return decodedFrom(fromData, encoded(msgpack<unknown>(), data)) === -1
      }),
    )
  })

  it('has versions above 127 too', () => {
    const late = versioned(msgpack<V1>(), { version: 300 })
    const later = versioned(msgpack<V1>(), {
      version: 70_000,
      from: { 300: { serde: msgpack<V1>(), migrate: (v) => v } },
    })
    expect(throughRange(late, { amount: 1 })).toEqual({ amount: 1 })
    expect(decodedFrom(later, encoded(late, { amount: 2 }))).toEqual({ amount: 2 })
    expectDecodeError(late, encoded(later, { amount: 2 }))
    expectDecodeError(late, Buffer.from([0xc1, 0x56, 0xff]))
  })

  it('refuses versions that it does not know, naming them', () => {
    expect(() => decodedFrom(first, encoded(third, { cents: 1, currency: 'EUR' }))).toThrow(/version 3; known are 1/)
    expect(() => decodedFrom(first, encoded(msgpack(), { amount: 1 }))).toThrow(/no version; 'unversioned'/)
    expectDecodeError(first, Buffer.alloc(0))
  })

  it('says which migration threw', () => {
    const failing = versioned(number(), {
      version: 2,
      from: {
        1: {
          serde: msgpack<V1>(),
          migrate: (): number => {
            throw new TypeError('no amount')
          },
        },
      },
    })
    expect(() => decodedFrom(failing, encoded(first, { amount: 1 }))).toThrow(
      expect.objectContaining({
        code: 'DECODE_FAILED',
        message: expect.stringContaining('version 1 to version 2 threw: no amount'),
        cause: expect.any(TypeError),
      }),
    )
  })

  it('is refused with versions that make no sense', () => {
    const migration = { serde: number(), migrate: (n: number) => n }
    const wrong = expect.objectContaining({ code: 'OPTION_INVALID' })
    for (const version of [0, -1, 1.5, Number.NaN]) expect(() => versioned(number(), { version })).toThrow(wrong)
    expect(() => versioned(number(), { version: 2, from: { 2: migration } })).toThrow(wrong)
    expect(() => versioned(number(), { version: 2, from: { 0: migration } })).toThrow(wrong)
    expect(() => versioned(number(), { version: 1, unversioned: migration })).toThrow(wrong)
    expect(() => versioned(number(), { version: 1, unversioned: { serde: bytes(), migrate: () => 0 } })).toThrow(wrong)
  })
})

function canBeWritten(data: unknown): boolean {
  try {
    encoded(msgpack<unknown>(), data)
    return true
  } catch {
    return false
  }
}
