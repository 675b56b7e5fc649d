import fc from 'fast-check'
import { type TSchema, Type } from 'typebox'

/** A schema, values that mostly fit it, and what is kept of one that does. */
export interface Pair {
  readonly schema: TSchema
  readonly value: fc.Arbitrary<unknown>
  readonly keep: (value: unknown) => unknown
}

const all = (value: unknown): unknown => value
const raw = (schema: object): TSchema => schema as TSchema

export const anyString = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ minLength: 20, maxLength: 60 }),
  fc.string({ unit: 'grapheme', minLength: 15, maxLength: 40 }),
  fc.constantFrom('search', 'mail', '\ud800', '"', '\\', '\u0000', ' ', '2024-02-29', 'a', '\u007f', '\udc00x\ud800'),
)
export const anyInteger = fc.oneof(
  fc.integer(),
  fc.integer({ min: -3, max: 12 }),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, 1e15, 1e21, -(2 ** 31), 2 ** 31, 2 ** 32, 999_999_999, 1_000_000_000, 2 ** 53, -(2 ** 53)),
)
export const anyNumber = fc.oneof(
  anyInteger,
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  // Prices and the like.
  fc.tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.integer({ min: 0, max: 6 })).map(([n, digits]) => n / 10 ** digits),
)
const names = fc.constantFrom('a', 'ab', 'abc', 'b', 'price', 'time', 'x y', "it's", 'extra', '0', 'constructor')
const oddNames = fc.constantFrom('a', 'é', '', 'q"', '__proto__', 'b')

const leaves: readonly Pair[] = [
  { schema: Type.String(), value: anyString, keep: all },
  { schema: Type.Integer(), value: anyInteger, keep: all },
  { schema: Type.Number(), value: anyNumber, keep: all },
  { schema: Type.Boolean(), value: fc.boolean(), keep: all },
  { schema: Type.Null(), value: fc.constant(null), keep: all },
  { schema: Type.Unknown(), value: fc.jsonValue({ maxDepth: 2 }), keep: all },
  { schema: Type.Number({ minimum: 0, exclusiveMaximum: 10 }), value: anyNumber, keep: all },
  { schema: Type.Integer({ exclusiveMinimum: -2, maximum: 5 }), value: anyInteger, keep: all },
  { schema: Type.Integer({ multipleOf: 3 }), value: fc.integer({ min: -12, max: 12 }), keep: all },
  { schema: Type.String({ minLength: 1, maxLength: 20 }), value: anyString, keep: all },
  { schema: Type.String({ pattern: '^[a-m]*$' }), value: anyString, keep: all },
  { schema: Type.String({ format: 'date' }), value: anyString, keep: all },
  { schema: Type.Refine(Type.String(), (text) => text.length % 2 === 0), value: anyString, keep: all },
  { schema: Type.Enum(['search', 'mail', '"']), value: fc.constantFrom('search', 'mail', '"', 'x'), keep: all },
  { schema: raw({ enum: ['a', 1, null, true] }), value: fc.constantFrom('a', 1, null, true, 'b', 2), keep: all },
  { schema: Type.Literal(1), value: fc.constantFrom(1, 2, '1'), keep: all },
  {
    schema: Type.Union([Type.Literal('search'), Type.Literal('mail')]),
    value: fc.constantFrom('search', 'mail', 'x'),
    keep: all,
  },
  {
    schema: Type.Record(Type.String(), Type.Integer()),
    value: fc.dictionary(oddNames, anyInteger, { maxKeys: 3, noNullPrototype: true }),
    keep: all,
  },
  {
    schema: Type.Array(Type.Integer(), { uniqueItems: true }),
    value: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 4 }),
    keep: all,
  },
  {
    schema: Type.Cyclic({ Node: Type.Object({ id: Type.Integer(), next: Type.Optional(Type.Ref('Node')) }) }, 'Node'),
    value: anyInteger.map((id) => ({ id, next: { id: 1, next: { id } } })),
    keep: all,
  },
]

type Entry = readonly [name: string, pair: Pair, isOptional: boolean]

function kept(entries: readonly Entry[]): (value: unknown) => unknown {
  return (value) =>
    Object.fromEntries(
      entries
        .filter(([name]) => Object.hasOwn(value as object, name))
        .map(([name, { keep }]) => [name, keep((value as Record<string, unknown>)[name])]),
    )
}

const kinds = ['open', 'open', 'open', 'closed', 'few', 'many', 'refined'] as const

function objectOf(pairs: fc.Arbitrary<Pair>, named: fc.Arbitrary<string>): fc.Arbitrary<Pair> {
  const properties = fc.uniqueArray(fc.tuple(named, pairs, fc.boolean()), { selector: ([name]) => name, maxLength: 6 })
  return fc.tuple(properties, fc.constantFrom(...kinds)).map(([entries, kind]) => {
    const fields = Object.fromEntries(
      entries.map(([name, { schema }, isOptional]) => [name, isOptional ? Type.Optional(schema) : schema]),
    )
    const options = {
      open: {},
      refined: {},
      closed: { additionalProperties: false },
      few: { maxProperties: 2 },
      many: { minProperties: 2 },
    }[kind]
    const object = Type.Object(fields, options)
    const value = fc.record(Object.fromEntries(entries.map(([name, { value }]) => [name, value])), {
      requiredKeys: entries.flatMap(([name, , isOptional]) => (isOptional ? [] : [name])),
      noNullPrototype: true,
    })
    return {
      schema: kind === 'refined' ? Type.Refine(object, (given) => Object.keys(given).length !== 2) : object,
      value,
      keep: kept(entries),
    }
  })
}

export const { pair: pairs } = fc.letrec<{ pair: Pair }>((tie) => ({
  pair: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 2, arbitrary: fc.constantFrom(...leaves) },
    { weight: 3, arbitrary: objectOf(tie('pair'), names) },
    objectOf(tie('pair'), oddNames),
    fc
      .tuple(tie('pair'), fc.constantFrom({}, { minItems: 1 }, { maxItems: 2 }))
      .map(([{ schema, value, keep }, options]) => ({
        schema: Type.Array(schema, options),
        value: fc.array(value, { maxLength: 4 }),
        keep: (items: unknown) => (items as unknown[]).map(keep),
      })),
    tie('pair').map(({ schema, value, keep }) => ({
      schema: Type.Union([schema, Type.Null()]),
      value: fc.option(value, { nil: null }),
      keep: (given: unknown) => (given === null ? null : keep(given)),
    })),
    // What is checked as a whole is kept as a whole.
    fc.tuple(tie('pair'), tie('pair')).map(([first, second]) => ({
      schema: Type.Union([first.schema, Type.Array(second.schema), Type.Integer()]),
      value: fc.oneof(first.value, fc.array(second.value, { maxLength: 2 }), anyInteger),
      keep: all,
    })),
    fc.tuple(tie('pair'), tie('pair')).map(([first, second]) => ({
      schema: Type.Tuple([first.schema, second.schema]),
      value: fc.tuple(first.value, second.value),
      keep: all,
    })),
  ),
}))
