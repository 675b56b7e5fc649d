import { Type } from 'typebox'
import { expect, it } from 'vitest'
import { json } from '../../../src/index.ts'
import type { Serde } from '../../../src/serde/serde.ts'

/*
 * Texts at the edges of JSON, each read by a codec of the whole, by one of some fields, and by one that knows none of them: what
 * the language takes is taken, what it refuses is refused, wherever in the text it stands.
 */

const whole = json(Type.Object({ a: Type.Unknown(), s: Type.Optional(Type.String()), n: Type.Optional(Type.Number()) }))
const some = whole.project(['s', 'n'])
const none = json(Type.Object({ z: Type.Optional(Type.Integer()) }))

const strings = [
  '"\\u0000"',
  '"\\u001f"',
  '"\u007f\u0080\u2028\u2029"',
  '"\u0000"',
  '"\u001f"',
  '"\t"',
  '"\n"',
  '"\\x41"',
  '"\\u12g4"',
  '"\\u123"',
  '"\\',
  '"\\"',
  '"\\\\"',
  '"\\\\\\""',
  '"\\ud83d\\ude00"',
  '"\\ud83d"',
  '"\\ude00\\ud83d"',
  '"\\/"',
  '"\\v"',
  "'a'",
  '"',
  'a',
]
const numbers = [
  '-0',
  '0',
  '-',
  '+1',
  '00',
  '01',
  '-01',
  '.5',
  '5.',
  '-.5',
  '1e5',
  '1E+5',
  '1e-5',
  '1e',
  '1e+',
  '1.e5',
  '0e0',
  '0x10',
  '1_000',
  'NaN',
  'Infinity',
  '-Infinity',
  '1e400',
  '-1e400',
  '1e-400',
  '9007199254740993',
  '123456789012345678901234567890',
  '0.1234567890123456789',
  '1.7976931348623157e308',
  '5e-324',
  '2.2250738585072011e-308',
  '100000000000000000000000',
  '999999999999999',
  '1000000000000000',
  '0.000000000000001',
  '123456789.123456',
]
const spaces = [' ', '\t', '\n', '\r', '\r\n\t ', '\v', '\f', '\u00a0', '\u2003', '\u2028', '\ufeff', '\u0000', '/**/']
const ends = ['', ' ', '\n', ',', '}', ']', 'x', '\u0000', '{}', '//']
const broken = [
  '',
  ' ',
  'null',
  'true',
  '5',
  '"a"',
  '[]',
  '{',
  '}',
  '{,}',
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '{"a":1,,"s":"x"}',
  '{"a":1 "s":"x"}',
  '{a:1}',
  '{"a":[1,]}',
  '{"a":[,1]}',
  '{"a":[1 2]}',
  '{"a":{"b":1,}}',
  '{"a":tru}',
  '{"a":truex}',
  '{"a":nulll}',
  '{"a":True}',
  '{"a":undefined}',
  '{"a":1}{"a":1}',
  '{"a":1',
  '{"a":"x}',
  '{"a":[}',
  '{"a":[1}',
  '{"a":{]}',
  '[{"a":1}]',
]
const names = [
  '{"\\u0061":1,"\\u0073":"x","\\u006e":5}',
  '{"\\u0061":1,"a":2,"s":"x","\\u0073":"y","n":1,"\\u006e":2}',
  '{"a":1,"\\u0061":2}',
  '{"a":1,"s":5,"s":"x"}',
  '{"a":1,"s":"x","s":5}',
  '{"a":1,"n":"x","n":5,"n":6}',
  '{"a":1,"z":"x","z":5}',
  '{"a":1,"z":5,"z":"x"}',
  '{"a":1,"__proto__":{"s":"x"},"constructor":5,"toString":{}}',
  '{"a":{"__proto__":1}}',
  '{"a":1,"aa":2,"":3,"A":4,"s ":5," s":6,"é":7}',
  '{"a":1,"s\u0000":1}',
  '{"a":1,"s\\u0000":1}',
  '{"a":1,"s\n":1}',
]

const texts = [
  ...strings.flatMap((string) => [
    `{"a":${string}}`,
    `{"a":1,"s":${string}}`,
    `{"a":1,"x":[${string}]}`,
    `{${string}:1}`,
  ]),
  ...numbers.flatMap((number) => [
    `{"a":${number}}`,
    `{"a":1,"n":${number}}`,
    `{"a":1,"z":${number}}`,
    `{"a":1,"x":{"y":${number}}}`,
  ]),
  ...spaces.flatMap((space) => [
    `${space}{"a":1}`,
    `{${space}"a":1}`,
    `{"a"${space}:1}`,
    `{"a":${space}1}`,
    `{"a":1${space}}`,
    `{"a":1${space},"s":"x"}`,
    `{"a":1,${space}"n":1}`,
    `{"a":1}${space}`,
    `{"a":[${space}]}`,
    `{"a":1,"x":{${space}"y"${space}:${space}[${space}1${space},${space}2${space}]${space}}}`,
  ]),
  ...ends.map((end) => `{"a":1,"s":"x","n":2}${end}`),
  ...broken,
  ...names,
]

function expected(bytes: Buffer, fields: Readonly<Record<string, (value: unknown) => boolean>>): unknown {
  let value: Record<string, unknown>
  try {
    value = JSON.parse(bytes.toString())
  } catch {
    return 'refused'
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'refused'
  const kept: Record<string, unknown> = {}
  for (const [name, fits] of Object.entries(fields)) {
    if (Object.hasOwn(value, name)) kept[name] = value[name]
    if (!fits(kept[name])) return 'refused'
  }
  return kept
}

function read(serde: Serde<unknown>, bytes: Buffer, after: string): unknown {
  const around = Buffer.concat([Buffer.from('x'), bytes, Buffer.from(after)])
  const among = Buffer.concat([around, Buffer.from(after.repeat(200)), Buffer.alloc(200, 'x')])
  // Again: what is read a second time is scanned by words, and among others it is expected in order.
  const [once, ...again] = [around, around, among, among, among].map((around) => {
    try {
      return serde.decode(around, 1, 1 + bytes.length)
    } catch (error) {
      expect(error).toMatchObject({ code: 'DECODE_FAILED' })
      return 'refused'
    }
  })
  for (const other of again) expect(other).toStrictEqual(once)
  return once
}

const isText = (value: unknown): boolean => value === undefined || typeof value === 'string'
const isNumber = (value: unknown): boolean => value === undefined || Number.isFinite(value)
const isWhole = (value: unknown): boolean => value === undefined || Number.isInteger(value)

function compare(bytes: Buffer): void {
  for (const after of ['', '}', '"}', ' ', '5}', '1', ',"a":1}', 'null}']) {
    expect(read(whole, bytes, after)).toStrictEqual(
      expected(bytes, { a: (value) => value !== undefined, s: isText, n: isNumber }),
    )
    expect(read(some, bytes, after)).toStrictEqual(expected(bytes, { s: isText, n: isNumber }))
    expect(read(none, bytes, after)).toStrictEqual(expected(bytes, { z: isWhole }))
  }
}

it.each(texts)('reads %j as the language does', (text) => {
  compare(Buffer.from(text))
})

it.each([
  ['a byte that is never UTF-8', [0xff]],
  ['a continuation alone', [0x80]],
  ['a character cut off', [0xe2, 0x82]],
  ['an overlong character', [0xc0, 0xaf]],
  ['a surrogate in UTF-8', [0xed, 0xa0, 0x80]],
  ['a character beyond Unicode', [0xf5, 0x80, 0x80, 0x80]],
  ['a mark of the byte order', [0xef, 0xbb, 0xbf]],
])('reads %s as the language does, wherever it stands', (_, given) => {
  const text = '{"a":"x","s":"y","n":5,"x":["z"]}'
  for (let at = 0; at <= text.length; at++)
    compare(Buffer.concat([Buffer.from(text.slice(0, at)), Buffer.from(given), Buffer.from(text.slice(at))]))
})

it.each([100, 199, 200, 201, 202, 5_000, 100_000])('reads what is nested %i deep', (depth) => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"k":', '}'],
    ['[{"k":', '}]'],
  ] as const) {
    const text = `{"a":1,"deep":${open.repeat(depth)}1${close.repeat(depth)},"s":"x"}`
    expect(read(whole, Buffer.from(text), '}')).toEqual({ a: 1, s: 'x' })
    expect(read(whole, Buffer.from(text.replace(close, '')), close)).toBe('refused')
    expect(read(none, Buffer.from(`{"a":${text}}`), '')).toEqual({})
  }
})
