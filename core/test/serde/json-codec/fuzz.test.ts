import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { afterAll, expect, it } from 'vitest'
import { ByteWriter } from '../../../src/serde/byte-writer.ts'
import { json } from '../../../src/serde/json.ts'
import { generateInOrderDecoder } from '../../../src/serde/json-codec/in-order-decoder.ts'
import { plainEncoder } from '../../../src/serde/json-codec/plain-encoder.ts'
import { readSchema } from '../../../src/serde/json-codec/shape.ts'
import type { Serde } from '../../../src/serde/serde.ts'
import { type Pair, pairs } from './schemas.ts'

/** Schemas, with some values each; `npm run fuzz` is the long form. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 300)
const LONGEST_MS = 1_800_000
/** Making a codec takes most of the time: the long form asks more of each. */
const isLong = process.env.FUZZ_RUNS !== undefined
const VALUES = isLong ? 16 : 6
const DAMAGES = isLong ? 24 : 6

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

type Outcome = { readonly value: unknown } | 'refused'

/** What the language and the schema say of a text: the declared part of the value, or that it is wrong. */
function oracle({ check, keep }: Case, bytes: Buffer): Outcome {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch {
    return 'refused'
  }
  return check(value) ? { value: keep(value) } : 'refused'
}

/** Both ways that a codec decodes, the first of which may leave a text to the other. */
interface Decoding {
  readonly serde: Serde<unknown>
  readonly inOrder: (bytes: Buffer, start: number, end: number) => unknown
}

const LEFT = Symbol('left to the other decoder')

function decodingOf(schema: TSchema): Decoding {
  return { serde: json(schema), inOrder: generateInOrderDecoder(readSchema(schema), () => LEFT) }
}

function decoded({ serde, inOrder }: Decoding, bytes: Buffer, before: string, after: string): Outcome {
  const start = before.length
  // Where words begin within the buffer differs.
  const parts = [Buffer.alloc(4), Buffer.from(before), bytes, Buffer.from(after)]
  const around = Buffer.concat(parts).subarray(4 - (start % 4))
  const at = start + (start % 4)
  const once = decodedOnce(serde, around, at, at + bytes.length)
  // From the second time on, a buffer is scanned by words.
  same(decodedOnce(serde, around, at, at + bytes.length), once)
  // With others behind it, a record is expected in order; so often that it is tried even after many that were not.
  const more = Buffer.concat([...parts, Buffer.from(after.repeat(200)), Buffer.alloc(200, ' ')])
  const from = 4 + start
  for (let turn = 0; turn < 18; turn++) {
    const value = inOrder(more, from, from + bytes.length)
    if (value === LEFT) continue
    compared.inOrder++
    same({ value }, once)
    break
  }
  return once
}

function decodedOnce(serde: Serde<unknown>, bytes: Buffer, start: number, end: number): Outcome {
  try {
    return { value: serde.decode(bytes, start, end) }
  } catch (error) {
    expect(error).toMatchObject({ code: 'DECODE_FAILED' })
    return 'refused'
  }
}

/** What the language writes of the declared part; refused is what does not fit, or would not when it is read. */
function writtenOracle({ check, keep }: Case, value: unknown): Outcome {
  if (!check(value)) return 'refused'
  const read: unknown = JSON.parse(JSON.stringify(value))
  return check(read) ? { value: JSON.stringify(keep(read)) } : 'refused'
}

function encoded(encode: (writer: ByteWriter) => void): Outcome {
  const writer = new ByteWriter(8)
  try {
    encode(writer)
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENCODE_FAILED' })
    return 'refused'
  }
  return { value: writer.toBuffer().toString() }
}

interface Case extends Omit<Pair, 'value'> {
  readonly check: (value: unknown) => boolean
  readonly values: readonly unknown[]
  readonly numbers: readonly number[]
}

const cases: fc.Arbitrary<Case> = pairs.chain(({ schema, value, keep }) => {
  const validator = Compile(schema)
  return fc.record({
    schema: fc.constant(schema),
    check: fc.constant((given: unknown) => validator.Check(given)),
    keep: fc.constant(keep),
    values: fc.array(value, { minLength: isLong ? VALUES / 2 : 1, maxLength: VALUES }),
    numbers: choices,
  })
})
const around = fc.constantFrom('', '"', '}', '5', ' ', ']', ',"a":1}', '\\')

/** Inputs that were compared with the oracle so far, by what it said of them. */
const compared = { taken: 0, refused: 0, inOrder: 0 }
afterAll(() => {
  if (isLong) console.log(`compared ${JSON.stringify(compared)}`)
})

function compare(own: Outcome, expected: Outcome): void {
  compared[expected === 'refused' ? 'refused' : 'taken']++
  same(own, expected)
}

function same(own: Outcome, expected: Outcome): void {
  // Much quicker than the assertion, which is for telling what differs.
  if (!isDeepStrictEqual(own, expected)) expect(own).toStrictEqual(expected)
}

it(
  'decodes any text of a schema to what the language gives',
  () => {
    fc.assert(
      fc.property(cases, around, around, (given, before, after) => {
        const decoding = decodingOf(given.schema)
        const choose = chooser(given.numbers)
        for (const value of given.values) {
          const bytes = Buffer.from(written(value, choose))
          compare(decoded(decoding, bytes, before, after), oracle(given, bytes))
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
    const kind = fc.constantFrom('cut', 'change', 'insert', 'drop', 'repeat')
    const byte = fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(...Buffer.from('"\\{}[]:,-.0eE \n')))
    const damage = fc.record({ at: fc.nat(), byte, kind })
    const damages = fc.array(damage, { minLength: isLong ? DAMAGES / 2 : 1, maxLength: DAMAGES })
    fc.assert(
      fc.property(cases, damages, around, around, (given, damaged, before, after) => {
        const decoding = decodingOf(given.schema)
        const choose = chooser(given.numbers)
        for (const value of given.values) {
          const good = Buffer.from(written(value, choose))
          for (const { at, byte, kind } of damaged) {
            const place = at % (good.length + 1)
            const head = good.subarray(0, place)
            const put = kind === 'drop' ? [] : kind === 'repeat' ? good.subarray(place, place + (byte % 16)) : [byte]
            const rest = good.subarray(kind === 'insert' || kind === 'repeat' ? place : place + 1)
            const bytes = kind === 'cut' ? head : Buffer.concat([head, Buffer.from(put), rest])
            compare(decoded(decoding, bytes, before, after), oracle(given, bytes))
          }
        }
      }),
      { numRuns: RUNS },
    )
  },
  LONGEST_MS,
)

/** The value with one part of it replaced by something that JSON does not have, or that its schema may not. */
function spoilt(value: unknown, choose: () => number): unknown {
  if (Array.isArray(value) && value.length > 0 && choose() % 4 > 0) {
    const at = choose() % value.length
    return value.map((item, index) => (index === at ? spoilt(item, choose) : item))
  }
  const names = typeof value === 'object' && value !== null ? Object.keys(value) : []
  if (names.length > 0 && !Array.isArray(value) && choose() % 4 > 0) {
    const name = names[choose() % names.length] as string
    if (name === '__proto__') return value
    return { ...(value as object), [name]: spoilt((value as Record<string, unknown>)[name], choose) }
  }
  const others = [Number.NaN, Number.POSITIVE_INFINITY, null, new Date(0), 'other', -1.5, true, [], {}]
  return others[choose() % others.length]
}

it(
  'encodes any value of a schema to what the language writes, and nothing else, with and without generated code',
  () => {
    fc.assert(
      fc.property(cases, (given) => {
        const serde: Serde<unknown> = json(given.schema)
        const plain = plainEncoder(readSchema(given.schema))
        const choose = chooser(given.numbers)
        for (const whole of given.values) {
          for (const value of [whole, spoilt(whole, choose)]) {
            const expected = writtenOracle(given, value)
            const inOrder = typeof expected === 'object' ? { value: sorted(expected.value) } : expected
            for (const own of [encoded((to) => serde.encode(value, to)), encoded((to) => plain(value, to))])
              compare(typeof own === 'object' ? { value: sorted(own.value) } : own, inOrder)
          }
        }
      }),
      { numRuns: RUNS },
    )
  },
  LONGEST_MS,
)

/** JSON text with its names in order: the language goes by the value, a codec by its schema. */
function sorted(text: unknown): string {
  const inOrder = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(inOrder)
    if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : value
    return Object.entries(value)
      .map(([name, inner]) => [name, inOrder(inner)])
      .sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1))
  }
  return JSON.stringify(inOrder(JSON.parse(text as string)))
}
