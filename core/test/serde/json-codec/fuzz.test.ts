import fc from 'fast-check'
import { type TSchema, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { expect, it } from 'vitest'
import { ByteWriter } from '../../../src/serde/byte-writer.ts'
import { json } from '../../../src/serde/json.ts'
import { pick, readSchema } from '../../../src/serde/json-codec/shape.ts'
import type { Serde } from '../../../src/serde/serde.ts'

/** Schemas, with some values each; `npm run fuzz` is the long form. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 1_500)
const LONGEST_MS = 1_800_000
const VALUES = 6

interface Pair {
  readonly schema: TSchema
  readonly value: fc.Arbitrary<unknown>
}

const anyString = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ minLength: 20, maxLength: 60 }),
  fc.constantFrom('search', 'mail', '\ud800', '"', '\\', '\u0000', ' '),
)
const anyInteger = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.constantFrom(0, -0, 1e15, 1e21, -(2 ** 31)))
const anyNumber = fc.oneof(
  anyInteger,
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.float({ noNaN: true, noDefaultInfinity: true }),
)
const names = fc.constantFrom('a', 'ab', 'abc', 'b', 'price', 'time', 'x y', "it's", 'extra')

const leaf: fc.Arbitrary<Pair> = fc.constantFrom<Pair>(
  { schema: Type.String(), value: anyString },
  { schema: Type.Integer(), value: anyInteger },
  { schema: Type.Number(), value: anyNumber },
  { schema: Type.Boolean(), value: fc.boolean() },
  { schema: Type.Null(), value: fc.constant(null) },
  { schema: Type.Unknown(), value: fc.jsonValue({ maxDepth: 2 }) },
)

function objectOf(properties: fc.Arbitrary<Pair>): fc.Arbitrary<Pair> {
  const property = fc.tuple(names, properties, fc.boolean())
  return fc.uniqueArray(property, { selector: ([name]) => name, maxLength: 6 }).map((entries) => ({
    schema: Type.Object(
      Object.fromEntries(
        entries.map(([name, { schema }, isOptional]) => [name, isOptional ? Type.Optional(schema) : schema]),
      ),
    ),
    value: fc.record(Object.fromEntries(entries.map(([name, { value }]) => [name, value])), {
      requiredKeys: entries.flatMap(([name, , isOptional]) => (isOptional ? [] : [name])),
      noNullPrototype: true,
    }),
  }))
}

const { pair } = fc.letrec<{ pair: Pair }>((tie) => ({
  pair: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    leaf,
    objectOf(tie('pair')),
    tie('pair').map(({ schema, value }) => ({ schema: Type.Array(schema), value: fc.array(value, { maxLength: 4 }) })),
    tie('pair').map(({ schema, value }) => ({
      schema: Type.Union([schema, Type.Null()]),
      value: fc.option(value, { nil: null }),
    })),
  ),
}))

/** Writes a value with white space, escapes, another order, extra and repeated fields, as the numbers say. */
function written(value: unknown, choose: () => number): string {
  const space = (): string => ['', '', '', ' ', '\n', ' \t\r'][choose() % 6] as string
  if (typeof value === 'string') {
    if (choose() % 3 > 0) return JSON.stringify(value)
    return `"${[...value.split('')].map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`
  }
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 1e15 && choose() % 4 === 0) {
    return [`${JSON.stringify(value)}.0`, `${JSON.stringify(value)}e0`, `${JSON.stringify(value)}E+00`][
      choose() % 3
    ] as string
  }
  if (Array.isArray(value))
    return `[${value.map((item) => space() + written(item, choose) + space()).join(',')}${space()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => [key, inner])
  if (choose() % 3 === 0) entries.reverse()
  if (choose() % 3 === 0)
    entries.splice(choose() % (entries.length + 1), 0, ['unknown', { deep: ['}', -1.5e3, null, true] }])
  if (choose() % 4 === 0 && entries[0] !== undefined)
    entries.unshift([entries[0][0], choose() % 2 === 0 ? entries[0][1] : 'other'])
  const texts = entries.map(
    ([key, inner]) =>
      `${space()}${written(key, choose)}${space()}:${space()}${key === 'unknown' ? JSON.stringify(inner) : written(inner, choose)}${space()}`,
  )
  return `{${texts.join(',')}${texts.length === 0 ? space() : ''}}`
}

function chooser(numbers: readonly number[]): () => number {
  let at = 0
  return () => numbers[at++ % numbers.length] as number
}

const choices = fc.array(fc.nat({ max: 1000 }), { minLength: 20, maxLength: 40 })

/** What the language and the schema say of a text: the declared part of the value, or that it is wrong. */
function oracle(schema: TSchema, bytes: Buffer): { readonly value: unknown } | 'refused' {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch {
    return 'refused'
  }
  return Compile(schema).Check(value) ? { value: pick(readSchema(schema).shape, value) } : 'refused'
}

function decoded(
  serde: Serde<unknown>,
  bytes: Buffer,
  before: string,
  after: string,
): { readonly value: unknown } | 'refused' {
  const around = Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)])
  const start = Buffer.byteLength(before)
  try {
    return { value: serde.decode(around, start, start + bytes.length) }
  } catch (error) {
    expect(error).toMatchObject({ code: 'DECODE_FAILED' })
    return 'refused'
  }
}

const cased = pair.chain(({ schema, value }) =>
  fc.record({
    schema: fc.constant(schema),
    values: fc.array(value, { minLength: 1, maxLength: VALUES }),
    numbers: choices,
  }),
)
const around = fc.constantFrom('', '"', '}', '5', ' ', ']', ',"a":1}', '\\')

it(
  'decodes any text of a schema to what the language gives',
  () => {
    fc.assert(
      fc.property(cased, around, around, ({ schema, values, numbers }, before, after) => {
        const serde: Serde<unknown> = json(schema)
        const choose = chooser(numbers)
        for (const value of values) {
          const bytes = Buffer.from(written(value, choose))
          expect(decoded(serde, bytes, before, after)).toStrictEqual(oracle(schema, bytes))
        }
      }),
      { numRuns: RUNS },
    )
  },
  LONGEST_MS,
)

it(
  'refuses what the language or the schema refuses, and nothing else, when a text is damaged',
  () => {
    const kind = fc.constantFrom('cut', 'change', 'insert', 'drop')
    const damage = fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }), kind })
    fc.assert(
      fc.property(cased, damage, around, around, ({ schema, values, numbers }, { at, byte, kind }, before, after) => {
        const serde: Serde<unknown> = json(schema)
        const choose = chooser(numbers)
        for (const value of values) {
          const good = Buffer.from(written(value, choose))
          const place = at % (good.length + 1)
          const head = good.subarray(0, place)
          const put = Buffer.from(kind === 'drop' ? [] : [byte])
          const rest = good.subarray(kind === 'insert' ? place : place + 1)
          const bytes = kind === 'cut' ? head : Buffer.concat([head, put, rest])
          expect(decoded(serde, bytes, before, after)).toStrictEqual(oracle(schema, bytes))
        }
      }),
      { numRuns: RUNS },
    )
  },
  LONGEST_MS,
)

it(
  'encodes any value of a schema to what the language writes',
  () => {
    const writer = new ByteWriter(8)
    fc.assert(
      fc.property(cased, ({ schema, values }) => {
        const serde: Serde<unknown> = json(schema)
        for (const value of values) {
          writer.position = 0
          serde.encode(value, writer)
          expect(writer.toBuffer().toString()).toBe(JSON.stringify(pick(readSchema(schema).shape, value)))
        }
      }),
      { numRuns: RUNS },
    )
  },
  LONGEST_MS,
)
