import type { Condition, PollStatus } from '@millrace/core/spi'

/** A part of a file that is read by itself: bytes of text, rows of Parquet. `end` is not part of it. */
export interface FileRange {
  readonly path: string
  readonly start: number
  readonly end: number
}

export interface RangeReaderContext {
  /** Wakes the task after `poll` said `wait`. */
  readonly onAvailable: () => void
}

/** Reads one range. `poll` never blocks: it hands out what has been read. */
export interface RangeReader<T> {
  poll(emit: (value: T) => void, budget: number): PollStatus
  /** Where to go on, in the unit of the range. */
  position(): number
  close(): Promise<void>
}

/** Writes one file. */
export interface FileWriter<T> {
  write(value: T): void
  /** Bytes that wait to be written. */
  readonly bufferedBytes: number
  /** Bytes so far, about. */
  readonly bytes: number
  /** Resolves when everything is on the disk. */
  finish(): Promise<void>
  /** Gives the file up. */
  close(): Promise<void>
}

/** How records lie in files. */
export interface FileFormat<T> {
  readonly name: string
  /** With the dot. */
  readonly extension: string
  /** Divides a file; must give the same as long as the file is the same. */
  ranges(path: string, bytes: number, splitBytes: number): readonly FileRange[]
  /** How many records there are, where the file says so. */
  records?(path: string): number
  open(range: FileRange, position: number | null, context: RangeReaderContext): RangeReader<T>
  /** The same format, for records with these fields only. */
  project?(fields: readonly string[]): FileFormat<unknown>
  /** The same format, which may leave out records that do not meet all of these. */
  where?(conditions: readonly Condition[]): FileFormat<T>
  writer(path: string, onWritten: () => void): FileWriter<T>
}

export function byteRanges(path: string, bytes: number, splitBytes: number): FileRange[] {
  const ranges: FileRange[] = []
  for (let start = 0; start < bytes; start += splitBytes) {
    ranges.push({ path, start, end: Math.min(bytes, start + splitBytes) })
  }
  return ranges
}
