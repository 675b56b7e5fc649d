import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { job, memoryLog, type RuleName } from '@millrace/core'
import { type Condition, meets } from '@millrace/core/spi'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonFields } from '../../src/file/json-fields.ts'
import { csv, type FileFormat, jsonLines, parquet, readFiles, writeFiles } from '../../src/index.ts'
import { temporaryDirectory } from './temporary-directory.ts'

interface Row {
  readonly id: number
  readonly name: string
  readonly ratio: number | null
  readonly open: boolean
  readonly at: Date
}

const columns = { id: 'number', name: 'string', ratio: 'number?', open: 'boolean', at: 'date' } as const
const formats: Readonly<Record<string, FileFormat<Row>>> = {
  CSV: csv({ columns }),
  'CSV without a header, with another delimiter': csv({ columns, header: false, delimiter: '<>' }),
  'CSV over several lines': csv({ columns, multiline: true }),
  // Without a schema dates come back as texts.
  'JSON lines': jsonLines<Row>(),
  Parquet: parquet<Row>({
    columns: { id: 'INT32', name: 'STRING', ratio: 'DOUBLE', open: 'BOOLEAN', at: 'TIMESTAMP' },
    rowGroupRows: 5,
  }),
}

const directory = temporaryDirectory()
let folders = 0

async function written<T>(format: FileFormat<T>, rows: readonly T[]): Promise<string> {
  const path = join(directory, `folder-${folders++}`)
  await job('write', (env) => void env.from(rows).to(writeFiles(path, format))).run({ log: memoryLog() })
  return `${path}/*`
}

const names = fc.oneof(
  fc.constantFrom('', 'a', 'b', 'say "hi"', 'x<>y', '"quoted"', 'ü', '😀', 'a,b', '\uFFFD'),
  fc.string({ unit: 'grapheme', maxLength: 8 }).filter((name) => !/[\r\n]/.test(name)),
)
const dates = fc.constantFrom(...[0, 1, 2, 3].map((day) => new Date(Date.UTC(2026, 0, day))))
const rows = fc.array(
  fc.record<Row>({
    id: fc.integer({ min: -3, max: 3 }),
    name: names,
    ratio: fc.option(fc.oneof(fc.integer({ min: -2, max: 2 }), fc.double({ noNaN: true, noDefaultInfinity: true }))),
    open: fc.boolean(),
    at: dates,
  }),
  { minLength: 1, maxLength: 20 },
)
const operators = fc.constantFrom(...(['=', '!=', '<', '<=', '>', '>='] as const))
const conditions: fc.Arbitrary<Condition> = fc.oneof(
  fc.record({
    field: fc.constant('id'),
    operator: operators,
    value: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constant(Number.NaN)),
  }),
  fc.record({ field: fc.constant('name'), operator: operators, value: names }),
  fc.record({ field: fc.constant('ratio'), operator: operators, value: fc.integer({ min: -2, max: 2 }) }),
  fc.record({ field: fc.constant('open'), operator: operators, value: fc.boolean() }),
  fc.record({ field: fc.constant('at'), operator: operators, value: dates }),
)
const fields = fc.subarray(['id', 'name', 'ratio', 'open', 'at'] as const, { minLength: 1 })

const pushDown: readonly RuleName[] = ['filter-source', 'project-source']
const unordered = (values: readonly unknown[]): string[] =>
  values
    .map((value) => JSON.stringify(Object.entries(value as object).toSorted(([a], [b]) => (a < b ? -1 : 1))))
    .toSorted()

describe.each(Object.entries(formats))('files of %s', (name, format) => {
  it('give the same whether they leave out fields and records or the job does', () =>
    fc.assert(
      fc.asyncProperty(rows, fc.array(conditions, { maxLength: 2 }), fields, async (all, kept, wanted) => {
        const pattern = await written(format, all)
        const read = async (withoutRules: readonly RuleName[]): Promise<unknown[]> => {
          const seen: unknown[] = []
          const reading = job('read', (env) => {
            const source = env.source(readFiles(pattern, format, { splitBytes: 60 })).bounded()
            const filtered = kept.reduce(
              (data, { field, operator, value }) => data.where(field as 'id', operator, value as number),
              source,
            )
            filtered.project(...wanted).collect(seen)
          })
          const rules = reading.explain({ withoutRules }).optimizations.map(({ rule }) => rule)
          expect(rules.includes('project-source')).toBe(withoutRules.length === 0)
          expect(rules.includes('filter-source')).toBe(withoutRules.length === 0 && kept.length > 0)
          await reading.run({ log: memoryLog(), withoutRules })
          return seen
        }
        const expected = all
          .map((row): object => (name === 'JSON lines' ? { ...row, at: row.at.toISOString() } : row))
          .filter((row) => kept.every((condition) => meets(condition)(row)))
          .map((row) => Object.fromEntries(Object.entries(row).filter(([field]) => wanted.includes(field as 'id'))))
        const whole = await read(pushDown)
        expect(unordered(whole)).toEqual(unordered(expected))
        expect(unordered(await read([]))).toEqual(unordered(whole))
      }),
      { numRuns: 25 },
    ))
})

describe('what nobody uses of a line', () => {
  const folder = (file: string, text: string): string => {
    const path = join(directory, `folder-${folders++}`)
    mkdirSync(path)
    writeFileSync(join(path, file), text)
    return join(path, file)
  }
  const read = async <T extends object>(
    format: FileFormat<T>,
    path: string,
    field: string,
    withoutRules: readonly RuleName[],
  ): Promise<unknown[]> => {
    const seen: unknown[] = []
    await job('read', (env) => {
      const data = env.source(readFiles(path, format)).bounded()
      data
        .where('a' as never, '!=', 3 as never)
        .project(field as never)
        .collect(seen)
    }).run({ log: memoryLog(), withoutRules })
    return seen
  }

  it('is not parsed: of CSV', async () => {
    const path = folder('a.csv', 'a,b,c\n1,x,no number\n2,"y, z",\n3,z\n4,"w"\n')
    const format = csv({ columns: { a: 'number', b: 'string', c: 'number' } })
    // Of the third record no more is needed than its first field, and it has no more.
    expect(await read(format, path, 'b', [])).toEqual([{ b: 'x' }, { b: 'y, z' }, { b: 'w' }])
    await expect(read(format, path, 'b', pushDown)).rejects.toThrow(/column c is "no number"/)
  })

  it('is not parsed: of JSON lines', async () => {
    const lines = ['{"a":1,"b":"x","c":nonsense}', '{"b":{"d":"}"},"c":[1,],"a":2}', '{"a":3,"b":?}', '{"a":4}']
    const path = folder('a.jsonl', `${lines.join('\n')}\n`)
    const format = jsonLines<{ a: number; b: unknown; c: unknown }>()
    expect(await read(format, path, 'b', [])).toEqual([{ b: 'x' }, { b: { d: '}' } }, {}])
    await expect(read(format, path, 'b', pushDown)).rejects.toThrow(/line at byte 0 .* is not json@1/)
  })
})

describe('fields of JSON that are taken out of its bytes', () => {
  const keys = fc.oneof(
    fc.constantFrom('a', 'b', 'ab', 'ü', '', '__proto__', 'a"', '\\', '1'),
    fc.string({ maxLength: 3 }),
  )
  const objects = fc.dictionary(keys, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 6 })
  const spaces = fc.constantFrom(undefined, ' ', '\t', 3)

  it('are those of the parsed object', () => {
    fc.assert(
      fc.property(objects, fc.uniqueArray(keys, { maxLength: 4 }), spaces, (value, wanted, space) => {
        const bytes = Buffer.from(`x${JSON.stringify(value, null, space)}y`)
        const decoded = jsonFields(wanted, [])(bytes, 1, bytes.length - 1)
        const parsed = JSON.parse(JSON.stringify(value)) as Record<string, unknown>
        const expected = wanted.filter((name) => Object.hasOwn(parsed, name)).map((name) => [name, parsed[name]])
        expect(decoded).toEqual(Object.fromEntries(expected))
      }),
      { numRuns: 3000 },
    )
  })

  it('are right where the text is: what is broken elsewhere is passed over or refused, never misread', () => {
    const broken = fc.tuple(objects, fc.nat(), fc.constantFrom('{', '}', '[', ']', '"', ',', ':', '\\', 'x', ' ', '1'))
    fc.assert(
      fc.property(broken, fc.uniqueArray(keys, { maxLength: 3 }), ([value, where, mark], wanted) => {
        const text = JSON.stringify(value)
        const at = where % (text.length + 1)
        const bytes = Buffer.from(text.slice(0, at) + mark + text.slice(at))
        const decode = jsonFields(wanted, [])
        let parsed: unknown
        try {
          parsed = JSON.parse(String(bytes))
        } catch {
          // It is not JSON: a part of it may be, but what is given of it must not depend on where in a buffer it lies.
          const longer = Buffer.concat([bytes, Buffer.from('"}]')])
          expect(outcome(() => decode(longer, 0, bytes.length))).toEqual(outcome(() => decode(bytes, 0, bytes.length)))
          return
        }
        const own = Object.entries(parsed as object).filter(([name]) => wanted.includes(name))
        expect(decode(bytes, 0, bytes.length)).toEqual(Object.fromEntries(own))
      }),
      { numRuns: 3000 },
    )
  })

  it('count by the last one where a name is there twice, and what is no object stays what it is', () => {
    const decode = (text: string) => jsonFields(['a'], [])(Buffer.from(text), 0, Buffer.byteLength(text))
    expect(decode('{"a":1,"a":2}')).toEqual({ a: 2 })
    expect(decode('{"\\u0061":3,"b":0}')).toEqual({ a: 3 })
    expect(decode('[1]')).toEqual([1])
    expect(decode('null')).toBeNull()
  })
})

function outcome(decode: () => unknown): unknown {
  try {
    return decode()
  } catch {
    return 'refused'
  }
}
