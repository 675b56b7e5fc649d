import { type FileHandle, open } from 'node:fs/promises'
import { ByteWriter } from '@millrace/core/spi'
import type { FileWriter } from './format.ts'

const CHUNK_BYTES = 256 * 1024
const NEWLINE = 10

/** Writes records as lines. Chunks are written one after the other while the next one fills. */
export class LineWriter<T> implements FileWriter<T> {
  readonly #path: string
  readonly #encode: (value: T, target: ByteWriter) => void
  readonly #onWritten: () => void
  #target = new ByteWriter(CHUNK_BYTES)
  #file: FileHandle | null = null
  #writing: Promise<void> = Promise.resolve()
  #waiting = 0
  #bytes = 0
  #failure: { readonly cause: unknown } | null = null

  constructor(
    path: string,
    header: string | null,
    encode: (value: T, target: ByteWriter) => void,
    onWritten: () => void,
  ) {
    this.#path = path
    this.#encode = encode
    this.#onWritten = onWritten
    if (header !== null) this.#target.writeUtf8(`${header}\n`)
  }

  get bufferedBytes(): number {
    if (this.#failure !== null) throw this.#failure.cause
    return this.#waiting
  }

  get bytes(): number {
    return this.#bytes + this.#target.position
  }

  write(value: T): void {
    this.#encode(value, this.#target)
    this.#target.writeUint8(NEWLINE)
    if (this.#target.position >= CHUNK_BYTES) this.#cut()
  }

  async finish(): Promise<void> {
    this.#cut()
    await this.#writing
    if (this.#failure !== null) throw this.#failure.cause
    await this.#file?.sync()
    await this.#file?.close()
    this.#file = null
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#file?.close()
    this.#file = null
  }

  #cut(): void {
    const chunk = this.#target.toBuffer()
    this.#target.position = 0
    this.#bytes += chunk.length
    this.#waiting += chunk.length
    this.#writing = this.#writing.then(() => this.#append(chunk))
  }

  async #append(chunk: Buffer): Promise<void> {
    if (this.#failure !== null) return
    try {
      this.#file ??= await open(this.#path, 'wx')
      for (let at = 0; at < chunk.length; ) at += (await this.#file.write(chunk, at)).bytesWritten
    } catch (cause) {
      this.#failure = { cause }
    }
    this.#waiting -= chunk.length
    this.#onWritten()
  }
}
