import { ByteWriter } from '../../../serde/byte-writer.ts'
import type { Serde } from '../../../serde/serde.ts'
import type { SpillFile } from './spill-file.ts'

/** Of the length in front of each value. */
export const LENGTH_BYTES = 4
const MAX_CHUNK_BYTES = 1024 * 1024
const MIN_CHUNK_BYTES = 4 * 1024
/** A value that reaches beyond its chunk makes that twice as large, so a new one is begun when so much of it is left. */
const ROOM = 1 / 16
/** Positions are the number of a chunk times this, plus the place within it. */
const CHUNK = 2 ** 32

/** Chunks that are used again: memory outside the heap is given back late. */
export class ChunkPool {
  readonly chunkBytes: number
  readonly #free: ByteWriter[] = []

  /** `most` is how many bytes are held at most in all chunks; `users` how many have a chunk of their own. */
  constructor(most: number, users = 1) {
    this.chunkBytes = Math.min(MAX_CHUNK_BYTES, Math.max(MIN_CHUNK_BYTES, Math.floor(most / 16 / users)))
  }

  take(): ByteWriter {
    return this.#free.pop() ?? new ByteWriter(this.chunkBytes)
  }

  give(chunks: readonly ByteWriter[]): void {
    for (const chunk of chunks) {
      // One that has grown held a large value.
      if (chunk.buffer.length > this.chunkBytes) continue
      chunk.position = 0
      this.#free.push(chunk)
    }
  }
}

/**
 * Values as bytes outside the heap. Bytes take a fraction of what objects take, their size is known exactly, and the garbage collector
 * never looks at them.
 */
export class EncodedRows<T> {
  readonly #serde: Serde<T>
  readonly #pool: ChunkPool
  readonly #full: number
  #chunks: ByteWriter[] = []

  constructor(serde: Serde<T>, pool: ChunkPool) {
    this.#serde = serde
    this.#pool = pool
    this.#full = pool.chunkBytes * (1 - ROOM)
  }

  /** Where it is, to be read by. */
  append(value: T): number {
    let chunk = this.#chunks[this.#chunks.length - 1]
    if (chunk === undefined || chunk.position >= this.#full) {
      chunk = this.#pool.take()
      this.#chunks.push(chunk)
    }
    const start = chunk.reserve(LENGTH_BYTES)
    chunk.position = start + LENGTH_BYTES
    this.#serde.encode(value, chunk)
    chunk.buffer.writeUInt32BE(chunk.position - start - LENGTH_BYTES, start)
    return (this.#chunks.length - 1) * CHUNK + start
  }

  /** Bytes of the value, with its length. */
  sizeAt(position: number): number {
    const chunk = Math.floor(position / CHUNK)
    return LENGTH_BYTES + (this.#chunks[chunk] as ByteWriter).buffer.readUInt32BE(position - chunk * CHUNK)
  }

  decode(position: number): T {
    const chunk = Math.floor(position / CHUNK)
    const { buffer } = this.#chunks[chunk] as ByteWriter
    const start = position - chunk * CHUNK
    const from = start + LENGTH_BYTES
    return this.#serde.decode(buffer, from, from + buffer.readUInt32BE(start))
  }

  /** Appends the value to a file of the same format. */
  copy(position: number, file: SpillFile<T>): void {
    const chunk = Math.floor(position / CHUNK)
    const { buffer } = this.#chunks[chunk] as ByteWriter
    const start = position - chunk * CHUNK
    file.appendBytes(buffer, start, start + LENGTH_BYTES + buffer.readUInt32BE(start))
  }

  clear(): void {
    this.#pool.give(this.#chunks)
    this.#chunks = []
  }
}
