import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { job } from '@millrace/core'
import { sinkContract, sourceContract } from '@millrace/core/testing'
import { describe, it } from 'vitest'
import { csv, type FileFormat, jsonLines, parquet, readFiles, text, writeFiles } from '../../src/index.ts'
import { temporaryDirectory } from './temporary-directory.ts'

interface Row {
  readonly id: number
  readonly name: string
}

const directory = temporaryDirectory()
const rows: readonly Row[] = Array.from({ length: 40 }, (_, id) => ({ id, name: `name ${id}, "quoted"` }))

function written<T>(name: string, format: FileFormat<T>, records: readonly T[]): string {
  const path = join(directory, name)
  mkdirSync(path, { recursive: true })
  const hidden = format.writer(join(path, `file${format.extension}`), () => {})
  for (const record of records) hidden.write(record)
  void hidden.finish()
  return `${path}/*`
}

writeFileSync(join(directory, 'lines.txt'), Array.from({ length: 50 }, (_, n) => `line ${n}`).join('\n'))

describe.each([
  ['lines of text', () => readFiles(join(directory, 'lines.txt'), text(), { splitBytes: 64 })],
  ['JSON lines', sourceOf('json', jsonLines<Row>())],
  ['CSV', sourceOf('csv', csv({ columns: { id: 'number', name: 'string' } }))],
  ['Parquet', sourceOf('parquet', parquet<Row>({ columns: { id: 'INT32', name: 'STRING' }, rowGroupRows: 15 }))],
] as const)('files of %s, as a source,', (_, create) => {
  for (const { name, check } of sourceContract<unknown, unknown>({ create: create as never })) it(name, check)
})

function sourceOf(name: string, format: FileFormat<Row>) {
  const pattern = written(name, format, rows)
  return () => readFiles(pattern, format, { splitBytes: 200 })
}

describe.each([
  ['lines of text', text(), rows.map(({ name }) => name)],
  ['JSON lines', jsonLines<Row>(), rows],
  ['CSV', csv({ columns: { id: 'number', name: 'string' } }), rows],
  ['Parquet', parquet<Row>({ columns: { id: 'INT32', name: 'STRING' } }), rows],
] as const)('files of %s, as a sink,', (name, own, records) => {
  const target = join(directory, `sink-${name}`)
  const format = own as FileFormat<unknown>
  const cases = sinkContract({
    create: () => writeFiles(target, format),
    async clear() {
      rmSync(target, { recursive: true, force: true })
    },
    async read() {
      const seen: unknown[] = []
      const visible = readdirSync(target).filter((file) => !file.startsWith('.'))
      if (visible.length === 0) return []
      await job('read', (env) => void env.source(readFiles(`${target}/*`, format)).collect(seen)).run()
      return seen
    },
    records,
  })
  for (const { name: sentence, check } of cases) it(sentence, check)
})
