import { randomUUID } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { StreamError } from '../../../errors.ts'
import { ByteWriter } from '../../../serde/byte-writer.ts'
import type { Serde } from '../../../serde/serde.ts'
import type { Cursor } from './cursor.ts'
import type { MemoryShare } from './task-memory.ts'

const LENGTH_BYTES = 4
const WRITE_BYTES = 64 * 1024
/** Of a reader; less where a small budget is shared by many of them. */
const MAX_READ_BYTES = 128 * 1024
const MIN_READ_BYTES = 4 * 1024

/**
 * Values one behind the other in a temporary file, each with its length (u32) before it. The name of the file is removed as soon as
 * it is open, so that nothing is left of it, however the process ends.
 *
 * Reading and writing are synchronous, in pieces that the page cache takes in well under a millisecond: operators run synchronously,
 * and what they spill is not for long.
 */
export class SpillFile<T> {
  readonly serde: Serde<T>
  readonly #share: MemoryShare
  readonly #writer = new ByteWriter(1024)
  #descriptor = -1
  #written = 0
  #count = 0

  constructor(serde: Serde<T>, share: MemoryShare) {
    this.serde = serde
    this.#share = share
  }

  /** Values in it. */
  get count(): number {
    return this.#count
  }

  append(value: T): void {
    const writer = this.#writer
    const start = writer.reserve(LENGTH_BYTES)
    writer.position = start + LENGTH_BYTES
    this.serde.encode(value, writer)
    writer.buffer.writeUInt32BE(writer.position - start - LENGTH_BYTES, start)
    this.#count++
    if (writer.position >= WRITE_BYTES) this.flush()
  }

  /** Takes a value that is encoded already, with its length before it. */
  appendBytes(bytes: Uint8Array, start: number, end: number): void {
    const writer = this.#writer
    const at = writer.reserve(end - start)
    writer.buffer.set(bytes.subarray(start, end), at)
    writer.position = at + end - start
    this.#count++
    if (writer.position >= WRITE_BYTES) this.flush()
  }

  /** Writes out what is buffered, so that readers see it. */
  flush(): void {
    const { buffer, position } = this.#writer
    if (position === 0) return
    try {
      if (this.#descriptor < 0) this.#descriptor = openUnnamed(this.#share.directory)
      for (let at = 0; at < position; ) {
        at += writeSync(this.#descriptor, buffer, at, position - at, this.#written + at)
      }
    } catch (cause) {
      throw this.#failed('written', cause)
    }
    this.#written += position
    this.#share.onSpilled(position)
    this.#writer.position = 0
    if (buffer.length > 2 * WRITE_BYTES) this.#writer.renew(WRITE_BYTES)
  }

  /** Writes out what is buffered and gives the buffer back; more may still be appended. */
  finish(): void {
    this.flush()
    this.#writer.renew(1024)
  }

  /** Reads from the beginning. What is appended meanwhile is read too. `readers` share the memory for reading. */
  read(readers = 1): Cursor<T> {
    const bytes = Math.floor(this.#share.limit / 4 / readers)
    return new SpillReader(this, Math.min(MAX_READ_BYTES, Math.max(MIN_READ_BYTES, bytes)))
  }

  /** Bytes from `at` on; returns how many there were. */
  readInto(target: Buffer, offset: number, at: number): number {
    const end = Math.min(target.length - offset, this.#written - at)
    if (end <= 0) return 0
    try {
      return readSync(this.#descriptor, target, offset, end, at)
    } catch (cause) {
      throw this.#failed('read', cause)
    }
  }

  close(): void {
    if (this.#descriptor >= 0) closeSync(this.#descriptor)
    this.#descriptor = -1
    this.#writer.renew(0)
  }

  #failed(what: string, cause: unknown): StreamError {
    if (StreamError.is(cause)) return cause
    const text = cause instanceof Error ? cause.message : String(cause)
    return new StreamError(
      'SPILL_FAILED',
      `What does not fit into the memory budget could not be ${what} in ${this.#share.directory}: ${text}`,
      { cause },
    )
  }
}

class SpillReader<T> implements Cursor<T> {
  value!: T
  readonly #file: SpillFile<T>
  #buffer: Buffer
  /** Of the file: where the buffer ends. */
  #position = 0
  #at = 0
  #end = 0

  constructor(file: SpillFile<T>, bufferBytes: number) {
    this.#file = file
    this.#buffer = Buffer.allocUnsafeSlow(bufferBytes)
  }

  next(): boolean {
    if (!this.#has(LENGTH_BYTES)) return false
    const length = this.#buffer.readUInt32BE(this.#at)
    if (!this.#has(LENGTH_BYTES + length)) {
      throw new StreamError('INVARIANT_BROKEN', 'A spilled value ends before its length.')
    }
    const start = this.#at + LENGTH_BYTES
    this.#at = start + length
    this.value = this.#file.serde.decode(this.#buffer, start, this.#at)
    return true
  }

  #has(bytes: number): boolean {
    if (this.#end - this.#at >= bytes) return true
    const left = this.#end - this.#at
    const target = bytes > this.#buffer.length ? Buffer.allocUnsafeSlow(bytes * 2) : this.#buffer
    this.#buffer.copy(target, 0, this.#at, this.#end)
    this.#buffer = target
    this.#at = 0
    this.#end = left
    while (this.#end < bytes) {
      let read = this.#file.readInto(target, this.#end, this.#position)
      if (read === 0) {
        this.#file.flush()
        read = this.#file.readInto(target, this.#end, this.#position)
        if (read === 0) return false
      }
      this.#end += read
      this.#position += read
    }
    return true
  }
}

function openUnnamed(directory: string): number {
  mkdirSync(directory, { recursive: true })
  const path = join(directory, `millrace-${randomUUID()}.spill`)
  const descriptor = openSync(path, 'wx+', 0o600)
  try {
    unlinkSync(path)
  } catch (cause) {
    closeSync(descriptor)
    throw cause
  }
  return descriptor
}
