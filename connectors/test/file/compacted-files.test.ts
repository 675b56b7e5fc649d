import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Job, job, memoryLog, memoryState, restart, silentLogger } from '@millrace/core'
import fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  type CompactedFile,
  csv,
  type FileFormat,
  jsonLines,
  parquet,
  readFiles,
  writeCompactedFiles,
} from '../../src/index.ts'
import { temporaryDirectory } from './temporary-directory.ts'

interface Row {
  readonly n: number
}

const directory = temporaryDirectory()
let folders = 0

function folder(): string {
  const path = join(directory, `folder-${folders++}`)
  mkdirSync(path)
  return path
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)
const visible = (path: string): string[] => readdirSync(path).filter((name) => !name.startsWith('.'))

async function numbersIn(path: string, format: FileFormat<Row>): Promise<number[]> {
  const seen: Row[] = []
  await job('read', (env) => void env.source(readFiles(`${path}/*`, format)).collect(seen)).run()
  return seen.map(({ n }) => n).toSorted((a, b) => a - b)
}

describe('files that are put together', () => {
  it.each([
    ['JSON lines', jsonLines<Row>()],
    ['CSV', csv({ columns: { n: 'number' } })],
    ['Parquet', parquet<Row>({ columns: { n: 'INT32' }, rowGroupRows: 100 })],
  ] as const)('are one where many small ones were written by several tasks: %s', async (_, format: FileFormat<Row>) => {
    const path = folder()
    const { epochs } = await job('compacted', (env) => {
      env
        .generate({ make: (n) => ({ n }), count: 2_000, ratePerSecond: 20_000 })
        .rebalance()
        .to(writeCompactedFiles(path, format))
        .uid('files')
    }).run({ parallelism: 2, epochInterval: 10, log: memoryLog() })
    expect(epochs).toBeGreaterThan(4)
    expect(visible(path)).toHaveLength(1)
    expect(readdirSync(path)).toEqual(visible(path))
    expect(await numbersIn(path, format)).toEqual(upTo(2_000))
  })

  it('are as large as they should be, and tell when they are there', async () => {
    const path = folder()
    const told: CompactedFile[] = []
    await job('sized', (env) => {
      const files = env
        .generate({ make: (n) => ({ n }), count: 3_000, ratePerSecond: 20_000 })
        .to(writeCompactedFiles(path, jsonLines<Row>(), { targetBytes: 10_000, prefix: 'rows' }))
        .committed()
      expectTypeOf(files).toEqualTypeOf<import('@millrace/core').DataStream<CompactedFile>>()
      files.collect(told)
    }).run({ epochInterval: 5 })
    const sizes = visible(path).map((name) => readFileSync(join(path, name)).length)
    expect(sizes.length).toBeGreaterThan(1)
    // All but what was left at the end.
    expect(sizes.filter((size) => size < 10_000).length).toBeLessThanOrEqual(1)
    expect(told.map((file) => file.visible).toSorted()).toEqual(
      visible(path)
        .map((name) => join(path, name))
        .toSorted(),
    )
    for (const name of visible(path)) expect(name).toMatch(/^rows-/)
    expect(await numbersIn(path, jsonLines<Row>())).toEqual(upTo(3_000))
  })

  it('appear after a while, however small they are', async () => {
    const path = folder()
    const handle = job('waiting', (env) => {
      env
        .generate({ make: (n) => ({ n }), ratePerSecond: 100 })
        .to(writeCompactedFiles(path, jsonLines<Row>(), { maxWait: 50 }))
    }).start({ epochInterval: 10 })
    while (visible(path).length < 2) {
      await Promise.race([handle.done, new Promise((resolve) => setTimeout(resolve, 10))])
    }
    await handle.stop()
  })

  it('hold each record once, wherever a task fails', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 1_999 }), { maxLength: 3 }), async (places) => {
        const path = folder()
        const failing = new Set(places)
        const compacted: Job = job('failing', (env) => {
          env
            .generate({ make: (n) => ({ n }), count: 2_000, ratePerSecond: 40_000 })
            .map((row) => {
              if (failing.delete(row.n)) throw new Error('on purpose')
              return row
            })
            .rebalance()
            .to(writeCompactedFiles(path, jsonLines<Row>(), { targetBytes: 4_000 }))
        })
        await compacted.run({
          parallelism: 2,
          epochInterval: 4,
          logger: silentLogger,
          log: memoryLog(),
          state: memoryState(),
          restart: restart.fixedDelay({ attempts: 10, delay: 1 }),
        })
        expect(await numbersIn(path, jsonLines<Row>())).toEqual(upTo(2_000))
      }),
      { numRuns: 8 },
    )
  })

  it('are refused with a size that is none, and a prefix that would hide them', () => {
    expect(() => writeCompactedFiles('x', jsonLines(), { targetBytes: 0 })).toThrow('targetBytes is 0')
    expect(() => writeCompactedFiles('x', jsonLines(), { prefix: '.rows' })).toThrow("prefix is '.rows'")
  })
})
