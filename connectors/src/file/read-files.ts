import { globSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { StreamError } from '@millrace/core'
import type { PollStatus, SizeEstimate, Source, SplitReader, SplitReaderContext } from '@millrace/core/spi'
import type { FileFormat, FileRange, RangeReader } from './format.ts'

export interface ReadFilesOptions {
  /** Parts that files are read in; parts of a file can be read by different tasks. @default 16 MiB */
  readonly splitBytes?: number
}

/** A range and how far it has been read. */
export interface FilePosition extends FileRange {
  readonly at: number | null
}

/** Ranges that a task reads at the same time: one is processed while the next one is fetched. */
const OPEN_RANGES = 2

/**
 * The records of files. Files whose name begins with a dot are left out: they may be half-written. The files must stay as they are
 * while the job runs, restarts included; a file that has changed its size is an error.
 *
 * @throws SOURCE_FAILED when the job starts and no file matches
 * @example
 * env.source(readFiles('logs/2026-*.txt', text())).bounded()
 */
export function readFiles<T>(
  pattern: string | readonly string[],
  format: FileFormat<T>,
  { splitBytes = 16 * 1024 * 1024 }: ReadFilesOptions = {},
): Source<T, FilePosition> {
  return new FileSource(typeof pattern === 'string' ? [pattern] : pattern, format, splitBytes)
}

class FileSource<T> implements Source<T, FilePosition> {
  readonly name: string
  readonly bounded: boolean = true
  readonly replayable: boolean = true
  readonly #patterns: readonly string[]
  readonly #format: FileFormat<T>
  readonly #splitBytes: number
  readonly #turns = new Map<number, Turns>()
  #ranges: readonly FileRange[] | null = null
  readonly project?: (fields: readonly string[]) => Source<unknown, FilePosition>
  readonly where?: NonNullable<Source<T, FilePosition>['where']>

  constructor(patterns: readonly string[], format: FileFormat<T>, splitBytes: number) {
    this.name = `${format.name.replace(/\W.*/, '')}-files`
    this.#patterns = patterns
    this.#format = format
    this.#splitBytes = splitBytes
    const { project, where } = format
    if (project !== undefined) this.project = (fields) => new FileSource(patterns, project(fields), splitBytes)
    if (where !== undefined) this.where = (conditions) => new FileSource(patterns, where(conditions), splitBytes)
  }

  splits(): number {
    return this.#allRanges().length
  }

  estimate(): SizeEstimate {
    const paths = this.#paths()
    const { records } = this.#format
    return {
      records: records === undefined ? null : paths.reduce((sum, path) => sum + records(path), 0),
      bytes: paths.reduce((sum, path) => sum + statSync(path).size, 0),
    }
  }

  open(split: number, position: FilePosition | null, context: SplitReaderContext): SplitReader<T, FilePosition> {
    const range = this.#allRanges()[split] as FileRange
    if (position !== null && !isSame(range, position)) {
      throw new StreamError(
        'SOURCE_FAILED',
        `The files have changed since the job began: part ${split} was ${show(position)} and is now ${show(range)}. Put the files back as they were, or start anew.`,
      )
    }
    const turns = this.#turns.get(context.index) ?? new Turns()
    this.#turns.set(context.index, turns)
    return new FileSplitReader(range, position?.at ?? null, this.#format, turns, context.onAvailable)
  }

  #allRanges(): readonly FileRange[] {
    this.#ranges ??= this.#paths().flatMap((path) => [
      ...this.#format.ranges(path, statSync(path).size, this.#splitBytes),
    ])
    return this.#ranges
  }

  /** In an order that does not depend on the file system. */
  #paths(): string[] {
    const found = new Set(this.#patterns.flatMap((pattern) => globSync(pattern)).map((path) => resolve(path)))
    const paths = [...found].filter((path) => !/(^|[\\/])\.[^\\/]*$/.test(path) && statSync(path).isFile()).sort()
    if (paths.length > 0) return paths
    throw new StreamError('SOURCE_FAILED', `No file matches ${this.#patterns.join(', ')}.`)
  }
}

/** Lets readers of a task begin one after the other: each has a file open and chunks in memory. */
class Turns {
  #open = 0
  readonly #waiting: (() => void)[] = []

  /** Whether the reader may begin; else `wake` is called when it should ask again. */
  take(wake: () => void): boolean {
    if (this.#open >= OPEN_RANGES) {
      this.#waiting.push(wake)
      return false
    }
    this.#open++
    return true
  }

  give(): void {
    this.#open--
    this.#waiting.shift()?.()
  }
}

class FileSplitReader<T> implements SplitReader<T, FilePosition> {
  readonly #range: FileRange
  readonly #format: FileFormat<T>
  readonly #turns: Turns
  readonly #onAvailable: () => void
  readonly #from: number | null
  #reader: RangeReader<T> | null = null
  #isWaiting = false
  #isOver = false

  constructor(range: FileRange, from: number | null, format: FileFormat<T>, turns: Turns, onAvailable: () => void) {
    this.#range = range
    this.#from = from
    this.#format = format
    this.#turns = turns
    this.#onAvailable = onAvailable
  }

  poll(emit: (value: T, timestamp: number) => void, budget: number): PollStatus {
    if (this.#reader === null && !this.#begin()) return 'wait'
    const reader = this.#reader as RangeReader<T>
    const status = reader.poll((value) => emit(value, Number.NEGATIVE_INFINITY), budget)
    if (status === 'end') this.#end()
    return status
  }

  position(): FilePosition {
    return { ...this.#range, at: this.#reader?.position() ?? this.#from }
  }

  async close(): Promise<void> {
    this.#end()
    await this.#reader?.close()
  }

  #begin(): boolean {
    if (this.#isWaiting) return false
    const wake = (): void => {
      this.#isWaiting = false
      // One that was closed while it waited passes its turn on.
      if (this.#isOver) this.#turns.give()
      else this.#onAvailable()
    }
    if (!this.#turns.take(wake)) {
      this.#isWaiting = true
      return false
    }
    this.#reader = this.#format.open(this.#range, this.#from, { onAvailable: this.#onAvailable })
    return true
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    if (this.#reader !== null) this.#turns.give()
    void this.#reader?.close()
  }
}

function isSame(left: FileRange, right: FileRange): boolean {
  return left.path === right.path && left.start === right.start && left.end === right.end
}

function show({ path, start, end }: FileRange): string {
  return `${path} from ${start} to ${end}`
}
