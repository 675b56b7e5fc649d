import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { job, memoryLog, memoryState, restart, silentLogger } from '@millrace/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { csv, jsonLines, parquet, readFiles, text, writeFiles } from '../../src/index.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const directory = temporaryDirectory()
let folders = 0

function folder(): string {
  const path = join(directory, `folder-${folders++}`)
  mkdirSync(path)
  return path
}

/** Everything that a source gives, in any order. */
async function contents<T>(source: ReturnType<typeof readFiles<T>>, parallelism = 1): Promise<T[]> {
  const seen: T[] = []
  await job('contents', (env) => void env.source(source).collect(seen)).run({ parallelism, log: memoryLog() })
  return seen
}

function sorted(values: readonly unknown[]): string[] {
  return values.map((value) => JSON.stringify(value)).toSorted()
}

const rows = fc.array(
  fc.record({
    id: fc.integer(),
    name: fc.string({ unit: 'grapheme', maxLength: 12 }).filter((name) => !/[\r\n]/.test(name)),
    ratio: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n))),
    open: fc.boolean(),
    at: fc.date({ noInvalidDate: true, min: new Date('1900-01-01'), max: new Date('2200-01-01') }),
  }),
  { maxLength: 40 },
)

describe('files', () => {
  it('hold each line once, wherever they are divided and however many tasks read them', async () => {
    const lines = fc.array(
      fc.string({ unit: 'grapheme', maxLength: 30 }).filter((line) => !/[\r\n]/.test(line)),
      { minLength: 1, maxLength: 30 },
    )
    await fc.assert(
      fc.asyncProperty(
        lines,
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom('\n', '\r\n'),
        async (all, splitBytes, ending) => {
          const path = folder()
          writeFileSync(join(path, 'a.txt'), all.map((line) => line + ending).join(''))
          for (const parallelism of [1, 2]) {
            expect(sorted(await contents(readFiles(`${path}/*.txt`, text(), { splitBytes }), parallelism))).toEqual(
              sorted(all),
            )
          }
        },
      ),
      { numRuns: 20 },
    )
  })

  it('are written and read again as CSV, JSON lines and Parquet', async () => {
    const formats = [
      csv({ columns: { id: 'number', name: 'string', ratio: 'number?', open: 'boolean', at: 'date' } }),
      csv({
        columns: { id: 'number', name: 'string', ratio: 'number?', open: 'boolean', at: 'date' },
        delimiter: ';',
        multiline: true,
      }),
      parquet<{ id: number; name: string; ratio: number | null; open: boolean; at: Date }>({
        columns: { id: 'INT32', name: 'STRING', ratio: 'DOUBLE', open: 'BOOLEAN', at: 'TIMESTAMP' },
        rowGroupRows: 7,
      }),
    ]
    for (const format of formats) {
      await fc.assert(
        fc.asyncProperty(rows, async (all) => {
          const path = folder()
          await job('write', (env) => void env.from(all).rebalance().to(writeFiles(path, format))).run({
            parallelism: 2,
            log: memoryLog(),
          })
          if (all.length === 0) return
          expect(sorted(await contents(readFiles(`${path}/*`, format, { splitBytes: 100 }), 2))).toEqual(sorted(all))
        }),
        { numRuns: 8 },
      )
    }
  })

  it('of CSV may hold line breaks within quotes', async () => {
    const path = folder()
    const all = [{ note: 'one\ntwo' }, { note: 'say "hi",\n\nthen go' }, { note: 'plain' }]
    const format = csv({ columns: { note: 'string' }, multiline: true })
    await job('write', (env) => void env.from(all).to(writeFiles(path, format))).run()
    expect(await contents(readFiles(`${path}/*.csv`, format, { splitBytes: 4 }))).toEqual(all)
  })

  it('of CSV have their columns by name, and errors say where', async () => {
    const path = folder()
    writeFileSync(join(path, 'a.csv'), 'b,a\n2,x\n3,y\nno,z\n')
    const format = csv({ columns: { a: 'string', b: 'number' } })
    await expect(contents(readFiles(`${path}/a.csv`, format))).rejects.toThrow(
      /line at byte 12 of .*a\.csv, column b is "no"/,
    )
    await expect(contents(readFiles(`${path}/a.csv`, csv({ columns: { c: 'string' } })))).rejects.toThrow(
      /has no column c; it has b, a/,
    )
  })

  it('that are not there are an error that names the pattern', async () => {
    await expect(contents(readFiles(join(directory, 'none/*.txt'), text()))).rejects.toThrow(/No file matches .*none/)
  })

  it('that are hidden are not read', async () => {
    const path = folder()
    writeFileSync(join(path, '.half.txt'), 'half')
    writeFileSync(join(path, 'whole.txt'), 'whole')
    expect(await contents(readFiles(`${path}/{.,}*.txt`, text()))).toEqual(['whole'])
  })
})

describe('files that a job writes', () => {
  it('appear as wholes, once their epoch is committed', async () => {
    const path = folder()
    const seen: string[][] = []
    const handle = job('growing', (env) => {
      env
        .generate({ make: (n) => n, count: 3000, ratePerSecond: 10_000 })
        .map((n) => {
          if (n % 100 === 0) seen.push(readdirSync(path).filter((name) => !name.startsWith('.')))
          return `number ${n}`
        })
        .to(writeFiles(path, text(), { maxFileBytes: 2000 }))
    }).start({ epochInterval: 20 })
    await handle.done
    const names = readdirSync(path)
    expect(names.filter((name) => name.startsWith('.'))).toEqual([])
    expect(names.flatMap((name) => readFileSync(join(path, name), 'utf8').trimEnd().split('\n')).length).toBe(3000)
    // What was visible at any time is there unchanged at the end.
    for (const name of seen.flat()) expect(names).toContain(name)
    expect(seen.at(-1)?.length).toBeGreaterThan(0)
  })

  it('hold each record once when a task fails half-way and starts again', async () => {
    const path = folder()
    let failures = 2
    await job('failing', (env) => {
      env
        .from(Array.from({ length: 20_000 }, (_, n) => n))
        .map((n) => {
          if (n === 15_000 && failures-- > 0) throw new Error('on purpose')
          return { n }
        })
        .to(writeFiles(path, jsonLines<{ n: number }>()))
    }).run({
      epochInterval: 1,
      logger: silentLogger,
      log: memoryLog(),
      state: memoryState(),
      restart: restart.fixedDelay({ attempts: 5, delay: 1 }),
    })
    const visible = readdirSync(path).filter((name) => !name.startsWith('.'))
    const lines = visible.flatMap((name) => readFileSync(join(path, name), 'utf8').trimEnd().split('\n'))
    expect(lines.map((line) => JSON.parse(line).n).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 20_000 }, (_, n) => n),
    )
  })

  it('leave nothing hidden of instances that are long gone', async () => {
    const path = folder()
    const left = join(path, '.part-00000-left.txt')
    writeFileSync(left, 'half')
    utimesSync(left, new Date(0), new Date(0))
    await job('clean', (env) => void env.from(['a']).to(writeFiles(path, text()))).run()
    expect(readdirSync(path)).toEqual(['part-00000-00000001-0.txt'])
  })
})
