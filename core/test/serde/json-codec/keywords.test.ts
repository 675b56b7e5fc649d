import { type TSchema, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { json } from '../../../src/index.ts'
import { ByteWriter } from '../../../src/serde/byte-writer.ts'
import type { Serde } from '../../../src/serde/serde.ts'

interface Case {
  readonly schema: TSchema
  readonly right: readonly unknown[]
  readonly wrong: readonly unknown[]
}

const integer = Type.Integer()
const text = Type.String()
const raw = (schema: object): TSchema => schema as TSchema

/** Each keyword that TypeBox checks, in a field of an object. */
const cases: Readonly<Record<string, Case>> = {
  minimum: { schema: Type.Number({ minimum: 0 }), right: [0, 1.5], wrong: [-1, -1e-9] },
  maximum: { schema: Type.Integer({ maximum: 10 }), right: [10, -5], wrong: [11, 1e20] },
  exclusiveMinimum: { schema: Type.Number({ exclusiveMinimum: 0 }), right: [0.1], wrong: [0, -0, -1] },
  exclusiveMaximum: { schema: Type.Number({ exclusiveMaximum: 5 }), right: [4.9], wrong: [5, 6] },
  multipleOf: { schema: Type.Number({ multipleOf: 5 }), right: [0, 15], wrong: [7] },
  integer: { schema: integer, right: [1, 2 ** 53, 1e300], wrong: [1.5, '1', null, true] },
  'const number': { schema: Type.Literal(7), right: [7], wrong: [8, '7'] },
  'const boolean': { schema: Type.Literal(true), right: [true], wrong: [false, 1] },
  'const text': { schema: Type.Literal('a'), right: ['a'], wrong: ['b', '', null] },
  'const object': { schema: raw({ const: { a: [1] } }), right: [{ a: [1] }], wrong: [{ a: [2] }, {}] },
  'enum of texts': { schema: Type.Enum(['a', 'b']), right: ['a', 'b'], wrong: ['c', 1] },
  'enum of several types': { schema: raw({ enum: ['a', 1, null] }), right: ['a', 1, null], wrong: ['b', 2, []] },
  minLength: { schema: Type.String({ minLength: 2 }), right: ['ab', 'äö'], wrong: ['', 'a', 12] },
  maxLength: { schema: Type.String({ maxLength: 2 }), right: ['', 'ab'], wrong: ['abc'] },
  pattern: { schema: Type.String({ pattern: '^[a-z]+$' }), right: ['abc'], wrong: ['', 'A', 'a b'] },
  format: { schema: Type.String({ format: 'date' }), right: ['2024-02-29'], wrong: ['2023-02-29', ''] },
  'template literal': {
    schema: Type.TemplateLiteral([Type.Literal('id-'), Type.Number()]),
    right: ['id-5'],
    wrong: ['id-', '5'],
  },
  'refined text': { schema: Type.Refine(text, (value) => value.startsWith('x')), right: ['xa'], wrong: ['a'] },
  'refined unknown': { schema: Type.Refine(Type.Unknown(), (value) => value !== 5), right: [6, 'x'], wrong: [5] },
  'refined boolean': { schema: Type.Refine(Type.Boolean(), (value) => value), right: [true], wrong: [false] },
  'refinement that throws': {
    schema: Type.Refine(text, (value) => {
      if (value === 'bad') throw new Error('no')
      return true
    }),
    right: ['x'],
    wrong: ['bad'],
  },
  minItems: { schema: Type.Array(integer, { minItems: 2 }), right: [[1, 2]], wrong: [[], [1]] },
  maxItems: { schema: Type.Array(integer, { maxItems: 1 }), right: [[], [1]], wrong: [[1, 2]] },
  uniqueItems: { schema: Type.Array(integer, { uniqueItems: true }), right: [[1, 2]], wrong: [[1, 1]] },
  contains: { schema: Type.Array(text, { contains: Type.Literal('a') }), right: [['b', 'a']], wrong: [[], ['b']] },
  items: { schema: Type.Array(integer), right: [[]], wrong: [['a'], {}, [null], 'x'] },
  tuple: { schema: Type.Tuple([integer, text]), right: [[1, 'a']], wrong: [[1], ['a', 1], [1, 'a', 2]] },
  'false items': { schema: raw({ type: 'array', items: false }), right: [[]], wrong: [[1]] },
  record: { schema: Type.Record(text, integer), right: [{}, { a: 1 }], wrong: [{ a: 'x' }, [], null] },
  'record by pattern': {
    schema: Type.Record(Type.String({ pattern: '^x' }), integer, { additionalProperties: false }),
    right: [{ xa: 1 }],
    wrong: [{ xa: 'a' }, { a: 1 }],
  },
  union: { schema: Type.Union([integer, Type.Array(text)]), right: [1, ['a']], wrong: ['a', [1], null] },
  'union of texts': { schema: Type.Union([Type.Literal('a'), Type.Literal('b')]), right: ['a'], wrong: ['c', 1] },
  'union of objects': {
    schema: Type.Union([
      Type.Object({ kind: Type.Literal('a'), n: integer }),
      Type.Object({ kind: Type.Literal('b'), s: text }),
    ]),
    right: [
      { kind: 'a', n: 1 },
      { kind: 'b', s: 'x' },
    ],
    wrong: [{ kind: 'a', s: 'x' }, { kind: 'c', n: 1 }, {}],
  },
  oneOf: {
    schema: raw({ oneOf: [{ type: 'integer' }, { type: 'number', minimum: 5 }] }),
    right: [1, 5.5],
    wrong: [7, 'x'],
  },
  not: { schema: raw({ type: 'string', not: { const: 'a' } }), right: ['b'], wrong: ['a', 5] },
  never: { schema: Type.Never(), right: [], wrong: [1, null] },
  'if and then': {
    schema: raw(JSON.parse('{"type":"number","if":{"minimum":10},"then":{"multipleOf":10}}')),
    right: [3, 20],
    wrong: [11],
  },
  nullable: { schema: Type.Union([integer, Type.Null()]), right: [1, null], wrong: ['a', 1.5] },
  'nullable with a limit': {
    schema: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
    right: [1, null],
    wrong: [0],
  },
  'null with a condition': {
    schema: raw({ anyOf: [{ type: 'integer' }, { type: 'null', not: {} }] }),
    right: [1],
    wrong: [null],
  },
  'several types': { schema: raw({ type: ['string', 'null'] }), right: ['a', null], wrong: [1, {}] },
  'no type': { schema: raw({ minimum: 5 }), right: [5, 'x'], wrong: [4] },
  intersect: {
    schema: Type.Intersect([Type.Object({ a: integer }), Type.Object({ b: text })]),
    right: [{ a: 1, b: 'x' }],
    wrong: [{ a: 1 }, { a: 'x', b: 'x' }],
  },
  'unevaluated properties': {
    schema: Type.Intersect([Type.Object({ a: integer })], { unevaluatedProperties: false }),
    right: [{ a: 1 }],
    wrong: [{ a: 1, b: 2 }],
  },
  'closed object': {
    schema: Type.Object({ a: integer, b: Type.Optional(text) }, { additionalProperties: false }),
    right: [{ a: 1 }, { a: 1, b: 'x' }],
    wrong: [{ a: 1, c: 2 }, { a: 1, toString: 1 }, {}],
  },
  'closed object without fields': {
    schema: Type.Object({}, { additionalProperties: false }),
    right: [{}],
    wrong: [{ a: 1 }, []],
  },
  'typed additional properties': {
    schema: Type.Object({ a: integer }, { additionalProperties: text }),
    right: [{ a: 1 }, { a: 1, b: 'x' }],
    wrong: [{ a: 1, b: 2 }],
  },
  minProperties: {
    schema: Type.Object({ a: Type.Optional(integer) }, { minProperties: 1 }),
    right: [{ a: 1 }],
    wrong: [{}],
  },
  maxProperties: {
    schema: Type.Object({ a: integer }, { maxProperties: 1 }),
    right: [{ a: 1 }],
    wrong: [{ a: 1, b: 2 }],
  },
  dependentRequired: {
    schema: raw({ type: 'object', properties: { a: { type: 'integer' } }, dependentRequired: { x: ['y'] } }),
    right: [{ a: 1 }],
    wrong: [{ a: 1, x: 1 }],
  },
  propertyNames: {
    schema: Type.Object({ a: integer }, { propertyNames: Type.String({ maxLength: 1 }) }),
    right: [{ a: 1 }],
    wrong: [{ a: 1, bb: 1 }],
  },
  'required but not declared': {
    schema: raw({ type: 'object', properties: { a: { type: 'integer' } }, required: ['a', 'b'] }),
    right: [],
    wrong: [{ a: 1 }],
  },
  'a field that must not be': {
    schema: raw({ type: 'object', properties: { a: false } }),
    right: [{}],
    wrong: [{ a: 1 }],
  },
  'refined object': {
    schema: Type.Refine(Type.Object({ a: integer, b: integer }), ({ a, b }) => a < b),
    right: [{ a: 1, b: 2 }],
    wrong: [{ a: 2, b: 1 }],
  },
  'odd names': {
    schema: Type.Object({
      é: integer,
      '': integer,
      'a"b': Type.Optional(integer),
      ['__proto__']: Type.Optional(integer),
    }),
    right: [{ é: 1, '': 2, 'a"b': 3 }, JSON.parse('{"é":1,"":2,"__proto__":4}')],
    wrong: [{ é: 1 }, { é: 'x', '': 2 }, JSON.parse('{"é":1,"":2,"__proto__":"x"}')],
  },
  'a name that objects inherit': {
    schema: Type.Object({ constructor: Type.Optional(text) }),
    right: [{}, { constructor: 'x' }],
    wrong: [{ constructor: 1 }],
  },
  recursive: {
    schema: Type.Cyclic({ Node: Type.Object({ id: integer, nodes: Type.Array(Type.Ref('Node')) }) }, 'Node'),
    right: [{ id: 1, nodes: [{ id: 2, nodes: [] }] }],
    wrong: [{ id: 1, nodes: [{ id: 'x', nodes: [] }] }, { id: 1 }],
  },
  'no object': { schema: Type.Object({ a: Type.Optional(integer) }), right: [{}], wrong: [[], 'x', null, 5] },
}

function encode(serde: Serde<unknown>, value: unknown): string {
  const writer = new ByteWriter(16)
  serde.encode(value, writer)
  return writer.toBuffer().toString()
}

function decode(serde: Serde<unknown>, text: string): unknown {
  const bytes = Buffer.from(text)
  return serde.decode(bytes, 0, bytes.length)
}

function fits(schema: TSchema, value: unknown): boolean {
  try {
    return Compile(schema).Check(value)
  } catch {
    return false
  }
}

const withoutCode = (): void => {
  const { Function: make } = globalThis
  vi.stubGlobal('Function', function refused(...texts: string[]) {
    // TypeBox has looked already whether it may.
    if (!/decodeJson|encodeJson/.test(texts.at(-1) as string)) return Reflect.construct(make, texts)
    throw new EvalError('Code generation from strings disallowed for this context')
  })
}
afterEach(() => vi.unstubAllGlobals())

describe.each([
  ['by generated code', () => {}],
  ['without code from text', withoutCode],
])('a schema is kept to %s', (_, prepare) => {
  const make = (schema: TSchema): Serde<unknown> => {
    prepare()
    const serde: Serde<unknown> = json(schema)
    vi.unstubAllGlobals()
    return serde
  }

  it.each(Object.entries(cases))('where it says %s', (_, { schema, right, wrong }) => {
    const places: [TSchema, (value: unknown) => unknown][] = [
      [Type.Object({ before: Type.Optional(text), field: schema }), (field) => ({ field })],
      [Type.Array(schema), (item) => [item]],
      [schema, (value) => value],
    ]
    for (const [outer, put] of places) {
      const serde = make(outer)
      for (const value of right.map(put)) {
        expect(fits(outer, value)).toBe(true)
        expect(decode(serde, JSON.stringify(value))).toStrictEqual(value)
        expect(encode(serde, value)).toBe(JSON.stringify(value))
      }
      for (const value of wrong.map(put)) {
        expect(fits(outer, value)).toBe(false)
        expect(() => decode(serde, JSON.stringify(value))).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }))
        expect(() => encode(serde, value)).toThrow(expect.objectContaining({ code: 'ENCODE_FAILED' }))
      }
    }
  })

  it.each<[string, TSchema, unknown]>([
    ['NaN', Type.Number(), Number.NaN],
    ['infinity', Type.Number(), Number.POSITIVE_INFINITY],
    ['NaN that may be null', Type.Union([Type.Number(), Type.Null()]), Number.NaN],
    ['NaN in a record', Type.Record(text, Type.Number()), { a: Number.NaN }],
    ['NaN in a union', Type.Union([Type.Number(), text, Type.Null()]), Number.NaN],
    ['minus infinity in a tuple', Type.Tuple([Type.Number()]), [Number.NEGATIVE_INFINITY]],
    ['NaN with a limit', Type.Number({ minimum: 0 }), Number.NaN],
    ['a bigint', integer, 5n],
    ['a symbol', Type.Number(), Symbol('x')],
    ['a boxed number', Type.Number(), Object(5)],
    ['a boxed text', text, Object('x')],
    ['a Date for a text', text, new Date(0)],
    ['a Date for an object', Type.Object({}), new Date(0)],
    ['a Date for a record', Type.Record(text, Type.Unknown()), new Date(0)],
    ['an array for an object', Type.Object({ length: integer }), []],
    ['a hole', Type.Array(integer), new Array(1)],
    ['undefined in a record', Type.Record(text, integer), { a: undefined }],
    ['undefined for a field of any type', Type.Object({ a: Type.Unknown() }), { a: undefined }],
    ['a bigint for any type', Type.Unknown(), { a: 5n }],
    ['a function for any type', Type.Unknown(), () => 1],
    ['a count that JSON changes', Type.Object({ a: Type.Optional(integer) }, { minProperties: 1 }), { a: undefined }],
  ])('and %s is not written', (_, schema, value) => {
    const serde = make(Type.Object({ field: schema }))
    expect(() => encode(serde, { field: value })).toThrow(expect.objectContaining({ code: 'ENCODE_FAILED' }))
  })

  it('and half a value that could not be written leaves nothing behind', () => {
    const serde = make(Type.Object({ a: text, b: integer }))
    const writer = new ByteWriter(4)
    serde.encode({ a: 'x', b: 1 }, writer)
    expect(() => serde.encode({ a: 'a longer text than the buffer has room for', b: 'x' }, writer)).toThrow(
      /\/b is "x"/,
    )
    serde.encode({ a: 'y', b: 2 }, writer)
    expect(writer.toBuffer().toString()).toBe('{"a":"x","b":1}{"a":"y","b":2}')
  })

  it('and the place of what breaks a limit or a rule is told', () => {
    const serde = make(
      Type.Object({
        n: Type.Number({ minimum: 0 }),
        s: Type.String({ minLength: 2 }),
        l: Type.Array(text, { maxItems: 1 }),
      }),
    )
    const given = { n: 1, s: 'ab', l: [] }
    expect(() => encode(serde, { ...given, n: -1 })).toThrow('/n is -1; its schema says a finite number >= 0')
    expect(() => encode(serde, { ...given, s: 'a' })).toThrow(
      /the value at \/s does not fit its schema: .*2 characters.*"a"/,
    )
    expect(() => encode(serde, { ...given, l: ['', ''] })).toThrow(
      '/l is an array; its schema says an array of at most 1',
    )
  })

  it('and what is nested deeper than the stack is refused, not crashed on', () => {
    const { schema } = cases.recursive as Case
    const serde = make(schema)
    const deep = `${'{"id":1,"nodes":['.repeat(30_000)}${']}'.repeat(30_000)}`
    expect(() => decode(serde, deep)).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }))
    expect(() => encode(serde, JSON.parse(deep))).toThrow(expect.objectContaining({ code: 'ENCODE_FAILED' }))
    const wrong = `{"id":${'['.repeat(30_000)}${']'.repeat(30_000)},"nodes":[]}`
    expect(() => decode(serde, wrong)).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }))
  })

  it('and what is not declared is left out beneath what is checked as a whole, too', () => {
    const serde = make(Type.Object({ o: Type.Object({ a: integer, é: integer }, { maxProperties: 3 }) }))
    expect(decode(serde, '{"o":{"a":1,"é":2,"x":3}}')).toStrictEqual({ o: { a: 1, é: 2 } })
    expect(encode(serde, { o: { x: 3, é: 2, a: 1 } })).toBe('{"o":{"a":1,"é":2}}')
  })

  it('and fields of their own names only are chosen from what is checked as a whole', () => {
    const Both = Type.Object({ a: integer, b: integer, c: Type.Optional(text) })
    prepare()
    const some = json(Type.Refine(Both, ({ a, b }) => a < b)).project(['b'])
    const either = json(Type.Union([Both, Type.Object({ b: text })])).project(['b', 'c'] as never[])
    const tree = json(
      Type.Object(
        { b: Type.Array(Type.Ref('Leaf')), $defs: Type.Optional(Type.Unknown()) },
        { $defs: { Leaf: { $id: 'Leaf', type: 'integer' } } },
      ),
    ).project(['b'])
    vi.unstubAllGlobals()
    expect(decode(some, '{"a":1,"b":2,"c":"x"}')).toStrictEqual({ b: 2 })
    expect(() => decode(some, '{"a":3,"b":2}')).toThrow(/does not fit its schema/)
    expect(encode(some, { b: 2 })).toBe('{"b":2}')
    expect(decode(either, '{"a":1,"b":2,"c":"x"}')).toStrictEqual({ b: 2, c: 'x' })
    expect(decode(either, '{"b":"x"}')).toStrictEqual({ b: 'x' })
    expect(() => decode(either, '{"b":2}')).toThrow(/does not fit its schema/)
    expect(decode(tree, '{"b":[1,2]}')).toStrictEqual({ b: [1, 2] })
    expect(() => decode(tree, '{"b":["x"]}')).toThrow(/does not fit its schema/)
  })
})

describe('a schema is refused', () => {
  it.each<[string, TSchema, RegExp]>([
    ['with a type that JSON does not have', Type.BigInt(), /type bigint, which JSON does not have; use Type.String/],
    ['that says undefined', Type.Union([text, Type.Undefined()]), /\/anyOf\/1 is of type undefined.*Type.Optional/],
    ['that says void, deep inside', Type.Array(Type.Record(text, Type.Void())), /is of type void/],
    ['of a function', Type.Function([], text), /type function/],
    ['of a symbol', Type.Symbol(), /type symbol/],
    ['with a transformation', Type.Codec(text).Decode(Number).Encode(String), /transformation.*map\(\)/],
    ['with an unknown format', Type.String({ format: 'dtae' }), /format 'dtae', which TypeBox does not know/],
    ['with a limit that is no number', raw({ type: 'number', exclusiveMinimum: true }), /exclusiveMinimum true/],
    ['with a limit that is text', raw({ type: 'number', minimum: '5' }), /minimum 5, which is not a number/],
    [
      'with a field that every object has',
      Type.Object({ toString: text }),
      /field toString, which every object inherits/,
    ],
    ['with no schema for a field', raw({ type: 'object', properties: { a: 5 } }), /\/properties\/a is no schema/],
  ])('%s', (_, schema, message) => {
    for (const outer of [schema, Type.Object({ field: Type.Optional(schema) })]) {
      expect(() => json(outer)).toThrow(message)
      expect(() => json(outer)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    }
  })

  it('unless the keyword says nothing of values', () => {
    const schema = Type.Object({ a: Type.Integer({ title: 'A', format: 'int64', 'x-unit': 'ms', default: 5n }) })
    expect(decode(json(schema), '{"a":5}')).toEqual({ a: 5 })
  })
})
