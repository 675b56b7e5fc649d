import { ByteWriter } from '../../../serde/byte-writer.ts'
import type { Serde } from '../../../serde/serde.ts'
import type { Cursor } from './cursor.ts'
import { sizeOf } from './size-of.ts'
import { SpillFile } from './spill-file.ts'
import type { MemoryShare } from './task-memory.ts'

const LENGTH_BYTES = 4
/** A position, a place in the order, and the slot of the key. */
const BOOKKEEPING_BYTES = 8 + 4 + 8
const MAX_CHUNK_BYTES = 1024 * 1024
const MIN_CHUNK_BYTES = 4 * 1024
/** Positions are the number of a chunk times this, plus the place within it. */
const CHUNK = 2 ** 32

/**
 * Records that are held as bytes, with their keys beside them, and sorted by these. Bytes take a fraction of what objects take, their
 * size is known exactly, and the garbage collector never looks at them.
 */
export class EncodedRun<T> {
  readonly #key: (value: T) => unknown
  readonly #compareKeys: (left: unknown, right: unknown) => number
  readonly #serde: Serde<T>
  readonly #share: MemoryShare
  readonly #chunkBytes: number
  /** Used again after each spill. */
  readonly #chunks: ByteWriter[] = []
  #current = 0
  #keys: unknown[] = []
  #positions: number[] = []
  #bytes = 0

  constructor(
    key: (value: T) => unknown,
    compareKeys: (left: unknown, right: unknown) => number,
    serde: Serde<T>,
    share: MemoryShare,
  ) {
    this.#key = key
    this.#compareKeys = compareKeys
    this.#serde = serde
    this.#share = share
    this.#chunkBytes = Math.min(MAX_CHUNK_BYTES, Math.max(MIN_CHUNK_BYTES, Math.floor(share.limit / 16)))
  }

  get length(): number {
    return this.#keys.length
  }

  add(value: T): void {
    const key = this.#key(value)
    const chunk = this.#chunk()
    const start = chunk.reserve(LENGTH_BYTES)
    chunk.position = start + LENGTH_BYTES
    this.#serde.encode(value, chunk)
    const length = chunk.position - start - LENGTH_BYTES
    chunk.buffer.writeUInt32BE(length, start)
    this.#keys.push(key)
    this.#positions.push(this.#current * CHUNK + start)
    const size = LENGTH_BYTES + length + BOOKKEEPING_BYTES + (typeof key === 'number' ? 0 : sizeOf(key))
    this.#bytes += size
    this.#share.take(size)
  }

  /** Everything in order, as long as nothing is added. */
  sorted(): Cursor<T> {
    return new EncodedCursor(this.#order(), (at) => this.#decode(at))
  }

  /** Writes everything in order, and holds nothing then. */
  spill(): SpillFile<T> {
    const file = new SpillFile(this.#serde, this.#share)
    for (const at of this.#order()) {
      const { chunk, start } = this.#place(at)
      file.appendBytes(chunk.buffer, start, start + LENGTH_BYTES + chunk.buffer.readUInt32BE(start))
    }
    file.finish()
    this.#clear()
    return file
  }

  close(): void {
    this.#clear()
    this.#chunks.length = 0
  }

  /** Records by their number, in the order of their keys; equal ones as they came. */
  #order(): Uint32Array {
    const order = new Uint32Array(this.#keys.length)
    for (let at = 0; at < order.length; at++) order[at] = at
    const keys = this.#keys
    const compare = this.#compareKeys
    return order.sort((left, right) => compare(keys[left], keys[right]) || left - right)
  }

  #place(at: number): { readonly chunk: ByteWriter; readonly start: number } {
    const position = this.#positions[at] as number
    const chunk = Math.floor(position / CHUNK)
    return { chunk: this.#chunks[chunk] as ByteWriter, start: position - chunk * CHUNK }
  }

  #decode(at: number): T {
    const { chunk, start } = this.#place(at)
    const from = start + LENGTH_BYTES
    return this.#serde.decode(chunk.buffer, from, from + chunk.buffer.readUInt32BE(start))
  }

  #chunk(): ByteWriter {
    let chunk = this.#chunks[this.#current]
    if (chunk !== undefined && chunk.position >= this.#chunkBytes - LENGTH_BYTES) chunk = this.#chunks[++this.#current]
    if (chunk === undefined) {
      chunk = new ByteWriter(this.#chunkBytes)
      this.#chunks[this.#current] = chunk
    }
    return chunk
  }

  #clear(): void {
    this.#share.release(this.#bytes)
    this.#bytes = 0
    this.#keys = []
    this.#positions = []
    this.#current = 0
    for (const chunk of this.#chunks) chunk.position = 0
  }
}

class EncodedCursor<T> implements Cursor<T> {
  value!: T
  readonly #order: Uint32Array
  readonly #decode: (at: number) => T
  #at = 0

  constructor(order: Uint32Array, decode: (at: number) => T) {
    this.#order = order
    this.#decode = decode
  }

  next(): boolean {
    if (this.#at >= this.#order.length) return false
    this.value = this.#decode(this.#order[this.#at++] as number)
    return true
  }
}
