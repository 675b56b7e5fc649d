import { type FileHandle, open } from 'node:fs/promises'
import { DecodeError } from '@millrace/core'
import type { PollStatus } from '@millrace/core/spi'
import type { FileRange, RangeReader, RangeReaderContext } from './format.ts'

const CHUNK_BYTES = 256 * 1024
const NEWLINE = 10
const RETURN = 13

/** Given for a line whose record goes on in the next one. */
export const INCOMPLETE: unique symbol = Symbol('incomplete')

/** Decodes the bytes of one line; `at` is where it begins in the file. Gives undefined for a line that is no record. */
export type DecodeLine<T> = (bytes: Buffer, start: number, end: number, at: number) => T | undefined | typeof INCOMPLETE

/**
 * The lines that begin within a range of a file. A line belongs to the range that its first byte lies in, and is read to its end from
 * there, so ranges can be read by different tasks.
 */
export class LineReader<T> implements RangeReader<T> {
  readonly #range: FileRange
  readonly #decode: DecodeLine<T>
  readonly #onAvailable: () => void
  #file: FileHandle | null = null
  #buffer: Buffer = Buffer.alloc(0)
  /** In the file: where the buffer begins, and where the next chunk does. */
  #base: number
  #next: number
  /** In the buffer. */
  #at = 0
  /** The line that the range begins within belongs to the one before. */
  #skipsFirst: boolean
  /** Where the record began whose lines are not all there yet. */
  #recordAt: number | null = null
  #isAtEnd = false
  #isReading = false
  #chunk: Buffer | null = null
  #failure: { readonly cause: unknown } | null = null
  #isClosed = false

  constructor(range: FileRange, position: number | null, decode: DecodeLine<T>, context: RangeReaderContext) {
    this.#range = range
    this.#decode = decode
    this.#onAvailable = context.onAvailable
    // One byte before: when that is a newline, a line begins exactly with the range.
    this.#skipsFirst = position === null && range.start > 0
    this.#base = position ?? (this.#skipsFirst ? range.start - 1 : range.start)
    this.#next = this.#base
  }

  poll(emit: (value: T) => void, budget: number): PollStatus {
    if (this.#failure !== null) throw this.#failure.cause
    for (let left = budget; left > 0; ) {
      const at = this.#base + this.#at
      if (!this.#skipsFirst && at >= this.#range.end) return 'end'
      const newline = this.#buffer.indexOf(NEWLINE, this.#at)
      if (newline < 0) {
        if (!this.#isAtEnd) {
          if (!this.#refill()) return 'wait'
          continue
        }
        if (this.#at < this.#buffer.length && !this.#skipsFirst) this.#line(emit, this.#buffer.length, at)
        this.#at = this.#buffer.length
        if (this.#recordAt === null) return 'end'
        throw new DecodeError(`The record at byte ${this.#recordAt} of ${this.#range.path} does not end.`)
      }
      if (this.#skipsFirst) this.#skipsFirst = false
      else {
        this.#line(emit, newline, at)
        left--
      }
      this.#at = newline + 1
    }
    return 'more'
  }

  position(): number {
    return this.#recordAt ?? this.#base + this.#at
  }

  async close(): Promise<void> {
    this.#isClosed = true
    // A read under way closes the file when it is done.
    if (!this.#isReading) await this.#file?.close()
  }

  #line(emit: (value: T) => void, newline: number, at: number): void {
    const end = newline > this.#at && this.#buffer[newline - 1] === RETURN ? newline - 1 : newline
    const value = this.#decode(this.#buffer, this.#at, end, at)
    if (value === INCOMPLETE) {
      this.#recordAt ??= at
      return
    }
    this.#recordAt = null
    if (value !== undefined) emit(value)
  }

  /** Takes the chunk that was read ahead, and lets the next one be read. */
  #refill(): boolean {
    const chunk = this.#chunk
    this.#chunk = null
    if (chunk !== null) {
      const left = this.#buffer.subarray(this.#at)
      this.#base += this.#at
      this.#at = 0
      this.#buffer = left.length === 0 ? chunk : Buffer.concat([left, chunk])
    }
    if (!this.#isReading && !this.#isAtEnd) void this.#read()
    return chunk !== null
  }

  async #read(): Promise<void> {
    this.#isReading = true
    try {
      this.#file ??= await open(this.#range.path)
      const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
      const { bytesRead } = await this.#file.read(chunk, 0, CHUNK_BYTES, this.#next)
      this.#next += bytesRead
      if (bytesRead === 0) this.#isAtEnd = true
      else this.#chunk = chunk.subarray(0, bytesRead)
    } catch (cause) {
      this.#failure = { cause }
    }
    this.#isReading = false
    if (this.#isClosed) {
      await this.#file?.close().catch(() => {
        // The reader has been given up; what is wrong with its file matters to nobody.
      })
    } else this.#onAvailable()
  }
}
