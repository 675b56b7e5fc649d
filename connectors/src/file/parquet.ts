import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { StreamError } from '@millrace/core'
import type { Condition, PollStatus } from '@millrace/core/spi'
import {
  type AsyncBuffer,
  type FileMetaData,
  type ParquetQueryFilter,
  parquetMetadata,
  parquetReadObjects,
} from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { type BasicType, fileWriter, ParquetWriter, schemaFromColumnData, type Writer } from 'hyparquet-writer'
import type { FileFormat, FileRange, FileWriter, RangeReader, RangeReaderContext } from './format.ts'

/** Name and type of each column of files that are written. */
export type ParquetColumns = Readonly<Record<string, BasicType>>

export interface ParquetOptions {
  /** Needed for writing. */
  readonly columns?: ParquetColumns
  /** Rows that are gathered in memory before they are written as one row group. @default 50000 */
  readonly rowGroupRows?: number
}

const MAGIC_AND_LENGTH = 8

/**
 * Apache Parquet. Row groups are read by different tasks; only columns that are used are decoded where the job says which, and row
 * groups are skipped by their statistics where it filters by `where`. The type is a promise about the data.
 */
export function parquet<T extends object>(options: ParquetOptions = {}): FileFormat<T> {
  return parquetFormat<T>(options, null, null)
}

function parquetFormat<T>(
  options: ParquetOptions,
  fields: readonly string[] | null,
  conditions: readonly Condition[] | null,
): FileFormat<T> {
  const { columns, rowGroupRows = 50_000 } = options
  return {
    name: 'parquet',
    extension: '.parquet',
    ranges(path) {
      let row = 0
      return readMetadata(path).row_groups.map(({ num_rows }): FileRange => {
        const start = row
        row += Number(num_rows)
        return { path, start, end: row }
      })
    },
    records: (path) => Number(readMetadata(path).num_rows),
    open: (range, position, context) => new RowReader<T>(range, position, fields, conditions, context),
    project: (wanted) => parquetFormat(options, wanted, conditions),
    where: (all) => parquetFormat<T>(options, fields, all),
    writer(path) {
      if (columns !== undefined) return new RowWriter<T>(path, columns, rowGroupRows)
      throw new StreamError('SINK_FAILED', `parquet({ columns }) must name the columns of files that are written.`)
    },
  }
}

/** The rows of a range, read with one request. */
class RowReader<T> implements RangeReader<T> {
  readonly #range: FileRange
  readonly #from: number
  readonly #fields: readonly string[] | null
  readonly #conditions: readonly Condition[] | null
  readonly #onAvailable: () => void
  #rows: readonly unknown[] | null = null
  #isReading = false
  #given = 0
  #failure: { readonly cause: unknown } | null = null

  constructor(
    range: FileRange,
    position: number | null,
    fields: readonly string[] | null,
    conditions: readonly Condition[] | null,
    context: RangeReaderContext,
  ) {
    this.#range = range
    this.#from = position ?? 0
    this.#fields = fields
    this.#conditions = conditions
    this.#onAvailable = context.onAvailable
  }

  poll(emit: (value: T) => void, budget: number): PollStatus {
    if (this.#failure !== null) throw this.#failure.cause
    if (this.#rows === null) {
      if (!this.#isReading) void this.#read()
      return 'wait'
    }
    const end = Math.min(this.#rows.length, this.#given + budget)
    for (; this.#given < end; this.#given++) {
      // Positions count what was handed out, since filtered rows have no place of their own.
      if (this.#given >= this.#from) emit(this.#rows[this.#given] as T)
    }
    return this.#given === this.#rows.length ? 'end' : 'more'
  }

  position(): number {
    return Math.max(this.#from, this.#given)
  }

  async close(): Promise<void> {
    this.#rows = []
  }

  async #read(): Promise<void> {
    this.#isReading = true
    const { path, start, end } = this.#range
    try {
      const file = await open(path)
      try {
        const { size } = await file.stat()
        const buffer: AsyncBuffer = {
          byteLength: size,
          async slice(from, to = size) {
            const bytes = Buffer.allocUnsafeSlow(to - from)
            for (let at = 0; at < bytes.length; ) {
              const { bytesRead } = await file.read(bytes, at, bytes.length - at, from + at)
              if (bytesRead === 0) throw new Error(`it ends at byte ${from + at}`)
              at += bytesRead
            }
            return bytes.buffer as ArrayBuffer
          },
        }
        const conditions = this.#conditions
        this.#rows = await parquetReadObjects({
          file: buffer,
          compressors,
          rowStart: start,
          rowEnd: end,
          ...(this.#fields === null ? {} : { columns: [...this.#fields] }),
          ...(conditions === null ? {} : { filter: { $and: conditions.map(toFilter) } }),
        })
      } finally {
        await file.close()
      }
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      this.#failure = { cause: new StreamError('SOURCE_FAILED', `${path} could not be read: ${reason}`, { cause }) }
    }
    this.#onAvailable()
  }
}

const operators = { '=': '$eq', '!=': '$ne', '<': '$lt', '<=': '$lte', '>': '$gt', '>=': '$gte' } as const

function toFilter({ field, operator, value }: Condition): ParquetQueryFilter {
  return { [field]: { [operators[operator]]: value } }
}

class RowWriter<T> implements FileWriter<T> {
  readonly bufferedBytes = 0
  readonly #columns: { readonly name: string; readonly type: BasicType; readonly data: unknown[] }[]
  readonly #path: string
  readonly #rowGroupRows: number
  readonly #target: Writer
  readonly #writer: ParquetWriter
  #rows = 0

  constructor(path: string, columns: ParquetColumns, rowGroupRows: number) {
    this.#path = path
    this.#columns = Object.entries(columns).map(([name, type]) => ({ name, type, data: [] }))
    this.#rowGroupRows = rowGroupRows
    this.#target = fileWriter(path)
    const schema = schemaFromColumnData({ columnData: this.#columns })
    this.#writer = new ParquetWriter({ writer: this.#target, schema })
  }

  get bytes(): number {
    return this.#target.offset
  }

  write(value: T): void {
    for (const { name, data } of this.#columns) data.push((value as Record<string, unknown>)[name] ?? null)
    if (++this.#rows >= this.#rowGroupRows) this.#cut()
  }

  async finish(): Promise<void> {
    this.#cut()
    await this.#writer.finish()
    const file = await open(this.#path, 'r+')
    await file.sync()
    await file.close()
  }

  async close(): Promise<void> {}

  #cut(): void {
    if (this.#rows === 0) return
    void this.#writer.write({ columnData: [...this.#columns], rowGroupSize: this.#rows })
    for (const { data } of this.#columns) data.length = 0
    this.#rows = 0
  }
}

/** Splits must be known before anything is read, hence at once. */
function readMetadata(path: string): FileMetaData {
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    const read = (bytes: number): ArrayBuffer => {
      const target = new Uint8Array(Math.min(size, bytes))
      readSync(file, target, 0, target.length, size - target.length)
      return target.buffer
    }
    const footer = new DataView(read(MAGIC_AND_LENGTH)).getUint32(0, true)
    return parquetMetadata(read(footer + MAGIC_AND_LENGTH))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new StreamError('SOURCE_FAILED', `${path} is no Parquet file that can be read: ${reason}`, { cause })
  } finally {
    closeSync(file)
  }
}
