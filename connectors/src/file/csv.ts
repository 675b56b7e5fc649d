import { closeSync, openSync, readSync } from 'node:fs'
import { DecodeError, StreamError } from '@millrace/core'
import { type ByteWriter, type Condition, meets } from '@millrace/core/spi'
import { CsvFields } from './csv-fields.ts'
import { byteRanges, type FileFormat } from './format.ts'
import { INCOMPLETE, LineReader } from './line-reader.ts'
import { LineWriter } from './line-writer.ts'

interface Types {
  string: string
  number: number
  boolean: boolean
  date: Date
}

type PlainType = keyof Types

/** What a column holds; with a `?`, an empty field is null. */
export type ColumnType = PlainType | `${PlainType}?`

/** A record of a file with these columns. */
export type CsvRow<Columns extends Readonly<Record<string, ColumnType>>> = {
  readonly [Name in keyof Columns]: Columns[Name] extends `${infer Type extends PlainType}?`
    ? Types[Type] | null
    : Columns[Name] extends PlainType
      ? Types[Columns[Name]]
      : never
}

export interface CsvOptions<Columns extends Readonly<Record<string, ColumnType>>> {
  /** Name and type of each column that is wanted, in their order where the file has no header. */
  readonly columns: Columns
  /** The first line has the names. @default true */
  readonly header?: boolean
  /** @default ',' */
  readonly delimiter?: string
  /** Quoted fields may hold line breaks; such files are read by one task each. @default false */
  readonly multiline?: boolean
}

interface Column {
  readonly name: string
  readonly at: number
  readonly read: (field: string) => unknown
  /** The conditions that its value must meet. */
  readonly isMet: ((row: Record<string, unknown>) => boolean) | null
}

const HEADER_BYTES = 64 * 1024
const WHOLE = Number.MAX_SAFE_INTEGER

/**
 * Comma-separated values as RFC 4180 has them, in UTF-8. Where a job says which columns it uses, the others are passed over, and what
 * is wrong within them is not seen.
 *
 * @example
 * env.source(readFiles('sales/*.csv', csv({ columns: { shop: 'string', amount: 'number', note: 'string?' } })))
 */
export function csv<const Columns extends Readonly<Record<string, ColumnType>>>(
  options: CsvOptions<Columns>,
): FileFormat<CsvRow<Columns>> {
  return csvFormat(options, Object.keys(options.columns), []) as FileFormat<CsvRow<Columns>>
}

function csvFormat(
  options: CsvOptions<Readonly<Record<string, ColumnType>>>,
  wanted: readonly string[],
  conditions: readonly Condition[],
): FileFormat<Record<string, unknown>> {
  const { columns, header = true, delimiter = ',', multiline = false } = options
  const names = Object.keys(columns)
  return {
    name: 'csv',
    extension: '.csv',
    ranges: (path, bytes, splitBytes) => byteRanges(path, bytes, multiline ? WHOLE : splitBytes),
    open(range, position, context) {
      const inFile = header ? splitLine(headerOf(range.path), delimiter) : names
      const read = inTurn(wanted, conditions).map(({ name, isMet }): Column => {
        const at = inFile.indexOf(name)
        if (at >= 0) return { name, at, read: reader(columns[name] as ColumnType), isMet }
        throw new StreamError('SOURCE_FAILED', `${range.path} has no column ${name}; it has ${inFile.join(', ')}.`)
      })
      const fields = new CsvFields(delimiter, Math.max(-1, ...read.map(({ at }) => at)))
      const byBytes = (at: number): string | undefined => fields.text(at)
      // Where all of a line is wanted it is quicker to make one string of it first.
      const isPart = !multiline && (read.length < inFile.length || conditions.length > 0)
      let started = ''
      return new LineReader(
        range,
        position,
        (bytes, start, end, at) => {
          if (header && at === 0) return undefined
          const place = (): string => `the line at byte ${at} of ${range.path}`
          if (isPart) {
            if (start === end) return undefined
            fields.scan(bytes, start, end)
            return decode(byBytes, read, place)
          }
          let line = bytes.toString('utf8', start, end)
          if (multiline) {
            if (started !== '') line = `${started}\n${line}`
            started = quotes(line) % 2 === 0 ? '' : line
            if (started !== '') return INCOMPLETE
          }
          if (line === '') return undefined
          const all = splitLine(line, delimiter)
          return decode((at) => all[at], read, place)
        },
        context,
      )
    },
    project: (fields) =>
      csvFormat(
        options,
        wanted.filter((name) => fields.includes(name)),
        conditions,
      ),
    where: (all) => csvFormat(options, wanted, [...conditions, ...all]),
    writer: (path, onWritten) =>
      new LineWriter(
        path,
        header ? names.map((name) => quoted(name, delimiter)).join(delimiter) : null,
        (row: Record<string, unknown>, target: ByteWriter) =>
          target.writeUtf8(names.map((name) => quoted(written(row[name]), delimiter)).join(delimiter)),
        onWritten,
      ),
  }
}

/** Columns in the order in which they are decoded: those of conditions first, since the others may not be needed then. */
function inTurn(
  wanted: readonly string[],
  conditions: readonly Condition[],
): readonly Pick<Column, 'name' | 'isMet'>[] {
  const isTested = (name: string): boolean => conditions.some(({ field }) => field === name)
  return [...wanted.filter(isTested), ...wanted.filter((name) => !isTested(name))].map((name) => {
    const holds = conditions.filter(({ field }) => field === name).map(meets)
    return { name, isMet: holds.length === 0 ? null : (row) => holds.every((one) => one(row)) }
  })
}

/** Undefined for a record that is left out. */
function decode(
  fieldAt: (at: number) => string | undefined,
  columns: readonly Column[],
  place: () => string,
): Record<string, unknown> | undefined {
  const row: Record<string, unknown> = {}
  for (const { name, at, read, isMet } of columns) {
    const field = fieldAt(at)
    const value = field === undefined ? undefined : read(field)
    if (value === undefined) {
      const text = field === undefined ? 'is missing' : `is ${JSON.stringify(field)}`
      throw new DecodeError(`In ${place()}, column ${name} ${text}, which is no value of its type.`)
    }
    row[name] = value
    if (isMet !== null && !isMet(row)) return undefined
  }
  return row
}

/** Gives undefined for a field that is no value of the type. */
function reader(type: ColumnType): (field: string) => unknown {
  const plain = readers[type.replace('?', '') as PlainType]
  return type.endsWith('?') ? (field) => (field === '' ? null : plain(field)) : plain
}

const readers: Readonly<Record<PlainType, (field: string) => unknown>> = {
  string: (field) => field,
  number: (field) => {
    const value = Number(field)
    return field.trim() === '' || Number.isNaN(value) ? undefined : value
  },
  boolean: (field) => (field === 'true' ? true : field === 'false' ? false : undefined),
  date: (field) => {
    const value = new Date(field)
    return Number.isNaN(value.getTime()) ? undefined : value
  },
}

function splitLine(line: string, delimiter: string): string[] {
  if (!line.includes('"')) return line.split(delimiter)
  const fields: string[] = []
  let at = 0
  while (at <= line.length) {
    if (line[at] !== '"') {
      const end = line.indexOf(delimiter, at)
      fields.push(line.slice(at, end < 0 ? line.length : end))
      if (end < 0) return fields
      at = end + delimiter.length
      continue
    }
    let field = ''
    at++
    for (;;) {
      const quote = line.indexOf('"', at)
      field += line.slice(at, quote < 0 ? line.length : quote)
      at = quote < 0 ? line.length : quote + 1
      if (line[at] !== '"' || quote < 0) break
      field += '"'
      at++
    }
    fields.push(field)
    if (at >= line.length) return fields
    at += delimiter.length
  }
  return fields
}

function quotes(line: string): number {
  return line.split('"').length - 1
}

function written(value: unknown): string {
  if (value === null || value === undefined) return ''
  return value instanceof Date ? value.toISOString() : String(value)
}

function quoted(field: string, delimiter: string): string {
  const isPlain = !field.includes('"') && !field.includes(delimiter) && !/[\r\n]/.test(field)
  return isPlain ? field : `"${field.replaceAll('"', '""')}"`
}

function headerOf(path: string): string {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(HEADER_BYTES)
    const start = bytes.subarray(0, readSync(file, bytes, 0, HEADER_BYTES, 0))
    const newline = start.indexOf('\n')
    return start
      .toString('utf8', 0, newline < 0 ? start.length : newline)
      .replace(/^\uFEFF/, '')
      .replace(/\r$/, '')
  } finally {
    closeSync(file)
  }
}
