import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { type TSchema, Type } from 'typebox'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { job, json } from '../../../src/index.ts'
import { ByteWriter } from '../../../src/serde/byte-writer.ts'
import type { Serde } from '../../../src/serde/serde.ts'

/** Decodes a text that lies within other bytes. */
function decode<T>(serde: Serde<T>, text: string | Buffer): T {
  const bytes = Buffer.from(text)
  const around = Buffer.concat([Buffer.from('{"a":'), bytes, Buffer.from('5, "x"}]')])
  return serde.decode(around, 5, 5 + bytes.length)
}

function encode<T>(serde: Serde<T>, value: T): string {
  const writer = new ByteWriter(16)
  serde.encode(value, writer)
  return writer.toBuffer().toString()
}

const integer = Type.Integer()
const text = Type.String()
const Payment = Type.Object({
  card: text,
  amount: Type.Number({ minimum: 0 }),
  time: integer,
  note: Type.Optional(text),
  shop: Type.Union([Type.Object({ id: integer, tags: Type.Array(text) }), Type.Null()]),
})
const payment = json(Payment)
const whole = '{"card":"c1","amount":1.5,"time":1700000000000,"shop":{"id":7,"tags":["a","b"]}}'

describe('decoding by a schema', () => {
  it('gives the declared fields, in any order and with any white space', () => {
    expect(decode(payment, whole)).toEqual(JSON.parse(whole))
    const spread = ' {\n"shop" : null ,"more":[{"x":[1,{}]},"]"],"time":5 , "amount": 2e1,\t"card":""}\r\n'
    expect(decode(payment, spread)).toEqual({ card: '', amount: 20, time: 5, shop: null })
  })

  it('leaves out what is optional and absent', () => {
    expect(Object.keys(decode(payment, whole))).not.toContain('note')
    const many = json(Type.Object(Object.fromEntries('abcdef'.split('').map((name) => [name, Type.Optional(integer)]))))
    expect(decode(many, '{"c":3,"f":6}')).toStrictEqual({ c: 3, f: 6 })
    expect(decode(many, '{}')).toStrictEqual({})
  })

  it('takes the last of several values of a field, as the language does', () => {
    expect(decode(json(Type.Object({ a: integer })), '{"a":1,"a":2}')).toEqual({ a: 2 })
    expect(decode(json(Type.Object({ a: integer })), '{"a":1,"\\u0061":3}')).toEqual({ a: 3 })
  })

  it.each(['0', '-0', '12345678901234567890', '0.1', '-2.5e-3', '1e21', '123456789012345.5', '9007199254740993'])(
    'reads the number %s as the language does',
    (number) => {
      const { n } = decode(json(Type.Object({ n: Type.Number() })), `{"n":${number}}`)
      expect(n).toBe(JSON.parse(number))
    },
  )

  it.each([
    '"plain"',
    '""',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
    '"\\u00e9\\ud83d\\ude00\\ud800"',
    '"é😀 and a text that is longer than those which are remembered"',
  ])('reads the string %s as the language does', (string) => {
    expect(decode(json(Type.Object({ s: text })), `{"s":${string}}`)).toEqual({ s: JSON.parse(string) })
  })

  it('replaces what is not UTF-8, as everywhere', () => {
    const bytes = Buffer.concat([Buffer.from('{"s":"a'), Buffer.from([0xff, 0xc3]), Buffer.from('"}')])
    expect(decode(json(Type.Object({ s: text })), bytes)).toEqual({ s: JSON.parse(bytes.toString().slice(5, -1)) })
  })

  it('handles objects with more properties than fit a word', () => {
    const names = Array.from({ length: 70 }, (_, n) => `field${n}`)
    const serde = json(Type.Object(Object.fromEntries(names.map((name) => [name, integer]))))
    const value = Object.fromEntries(names.map((name, n) => [name, n]))
    expect(decode(serde, JSON.stringify(value))).toEqual(value)
    const { field69: _, ...rest } = value
    expect(() => decode(serde, JSON.stringify(rest))).toThrow(/has no field69/)
  })

  it('reads what it has no code for by other means, and checks it', () => {
    const odd = json(
      Type.Object({
        any: Type.Unknown(),
        map: Type.Record(text, integer),
        pair: Type.Tuple([integer, text]),
        either: Type.Union([integer, Type.Array(integer)]),
        kind: Type.Union([Type.Literal('a'), Type.Literal('b')]),
      }),
    )
    const good = { any: { x: [null] }, map: { k: 1 }, pair: [1, 'x'], either: [1, 2], kind: 'b' }
    expect(decode(odd, JSON.stringify(good))).toEqual(good)
    expect(() => decode(odd, JSON.stringify({ ...good, kind: 'c' }))).toThrow(/kind/)
    expect(() => decode(odd, JSON.stringify({ ...good, map: { k: 'x' } }))).toThrow(/map\/k/)
  })

  it.each<[string, TSchema, string, RegExp]>([
    ['a missing field', Payment, '{"card":"c","amount":1,"shop":null}', /it has no time/],
    ['another type', Payment, whole.replace('"id":7', '"id":"7"'), /\/shop\/id .*is "7"/],
    ['a fraction', Payment, whole.replace('1700000000000', '1.5'), /\/time .*integer.*is 1.5/],
    ['a value beyond its limit', Payment, whole.replace('1.5', '-1'), /\/amount must be >= 0, and is -1/],
    [
      'an unknown field of a closed object',
      Type.Object({ a: integer }, { additionalProperties: false }),
      '{"a":1,"b":2}',
      /b|additional/,
    ],
    ['a number that is none', Type.Object({ a: Type.Number() }), '{"a":1e999}', /\/a/],
  ])('names the place of %s', (_, schema, given, message) => {
    expect(() => decode(json(schema), given)).toThrow(message)
    expect(() => decode(json(schema), given)).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }))
  })

  it.each([
    '{"card":"c1","amount":1.5,"time":17',
    '{"card":"c1',
    `${whole}x`,
    `${whole}{}`,
    whole.replace('"time"', '"ti\nme"'),
    whole.replace('1.5', '01'),
    whole.replace('1.5', '1.'),
    whole.replace('null', 'nul').replace('"card"', "'card'"),
    '',
    `{"x":${'['.repeat(5)}}`,
  ])('refuses what is not JSON: %s', (given) => {
    expect(() => decode(payment, given)).toThrow(/bytes are not JSON/)
  })

  it('goes by what is nested deeper than the stack', () => {
    const deep = `{"a":1,"x":${'['.repeat(20_000)}${']'.repeat(20_000)}}`
    expect(decode(json(Type.Object({ a: integer })), deep)).toEqual({ a: 1 })
  })

  it('has the types of the schema, from the topic on', () => {
    job('typed', (env) => {
      const amounts = env.topic('payments', payment).map(({ amount, note }) => ({ amount, note }))
      expectTypeOf(amounts.map(({ amount }) => amount)).toEqualTypeOf(env.topic('numbers', json<number>()))
      amounts.map(({ note }) => expectTypeOf(note).toEqualTypeOf<string | undefined>()).print()
    })
    expectTypeOf(payment.project(['card', 'time']).decode).returns.toEqualTypeOf<{ card: string; time: number }>()
  })
})

describe('some fields only', () => {
  it('are decoded without the others being looked at', () => {
    const some = payment.project(['time', 'card'])
    expect(decode(some, whole)).toEqual({ card: 'c1', time: 1_700_000_000_000 })
    expect(decode(some, whole.replace('1.5', '"much"'))).toEqual({ card: 'c1', time: 1_700_000_000_000 })
    expect(() => decode(some, whole.replace('1.5', 'much'))).toThrow(/not JSON/)
    expect(decode(payment.project([]), whole)).toEqual({})
  })

  it('must be fields of the schema', () => {
    expect(() => payment.project(['price'])).toThrow(/no field 'price'; it has card, amount/)
  })
})

describe('encoding by a schema', () => {
  it('writes the declared fields as JSON.stringify does', () => {
    const value = { card: 'c"1', amount: 1e-7, time: -9007199254740991, shop: { id: 0, tags: ['é', '', '\ud800'] } }
    expect(encode(payment, value)).toBe(JSON.stringify(value))
    const more = { ...value, extra: 1, note: 'n'.repeat(100) }
    const { card, amount, time, note, shop } = more
    expect(encode(payment, more)).toBe(JSON.stringify({ card, amount, time, note, shop }))
  })

  it.each([
    0,
    -0,
    9,
    10,
    -10,
    2 ** 31 - 1,
    -(2 ** 31),
    2 ** 31,
    1e15,
    2 ** 53 - 1,
    2 ** 53,
    1e21,
    0.1,
    1.7e308,
    5e-324,
  ])('writes the number %d', (n) => {
    expect(encode(json(Type.Object({ n: Type.Number() })), { n })).toBe(JSON.stringify({ n }))
  })

  it('writes decimals, and the numbers next to them, as the language does', () => {
    const serde = json(Type.Number())
    const parts = fc.tuple(fc.maxSafeInteger(), fc.nat(15), fc.nat(8), fc.constantFrom(-1, 0, 1))
    fc.assert(
      fc.property(parts, ([digits, fewer, decimals, neighbour]) => {
        const decimal = Math.trunc(digits / 10 ** fewer) / 10 ** decimals
        const n = decimal + neighbour * Number.EPSILON * Math.abs(decimal)
        expect(encode(serde, n)).toBe(JSON.stringify(n))
      }),
      { numRuns: 2_000 },
    )
  })

  it('leaves out optional fields wherever they stand', () => {
    const serde = json(Type.Object({ a: Type.Optional(integer), b: Type.Optional(text), c: Type.Optional(integer) }))
    for (const value of [{}, { a: 1 }, { b: 'x' }, { c: 3 }, { a: 1, c: 3 }, { b: 'x', c: 3 }]) {
      expect(encode(serde, value)).toBe(JSON.stringify(value))
    }
  })

  it('refuses what is not of the schema, with the place', () => {
    const given = JSON.parse(whole)
    const wrong: [unknown, RegExp][] = [
      [{ ...given, amount: Number.NaN }, /\/amount is NaN; its schema says a finite number/],
      [{ ...given, time: 1.5 }, /\/time is 1.5; its schema says a whole number/],
      [{ ...given, card: undefined }, /\/card is undefined/],
      [{ ...given, shop: { id: 1, tags: ['a', 2] } }, /\/shop\/tags\/\* is 2; its schema says a string/],
      [null, /the value is null/],
    ]
    for (const [value, message] of wrong) {
      expect(() => encode(payment as Serde<unknown>, value)).toThrow(message)
      expect(() => encode(payment as Serde<unknown>, value)).toThrow(expect.objectContaining({ code: 'ENCODE_FAILED' }))
    }
  })
})

it('works all the same where code may not be made from text', () => {
  const source = `
    import { Type } from 'typebox'
    import { json } from '${new URL('../../../src/serde/json.ts', import.meta.url)}'
    import { ByteWriter } from '${new URL('../../../src/serde/byte-writer.ts', import.meta.url)}'
    const serde = json(Type.Object({ a: Type.Integer(), b: Type.Optional(Type.String()) }))
    const bytes = Buffer.from('{"b":"x","more":1,"a":5}')
    const value = serde.decode(bytes, 0, bytes.length)
    const writer = new ByteWriter()
    serde.encode({ ...value, other: 1 }, writer)
    console.log(JSON.stringify(value), writer.toBuffer().toString())`
  const printed = execFileSync(
    process.execPath,
    ['--disallow-code-generation-from-strings', '--input-type=module-typescript', '--eval', source],
    { cwd: new URL('../../..', import.meta.url), encoding: 'utf8' },
  )
  expect(printed.trim()).toBe('{"a":5,"b":"x"} {"a":5,"b":"x"}')
})
