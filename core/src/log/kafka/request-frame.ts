import { ByteWriter } from '../../serde/byte-writer.ts'
import { writeInt64 } from './record-batch/layout.ts'

const firstBytes = 256

/**
 * A request in the making, in the protocol's flexible form: its small fields are written one behind the other, large buffers lie
 * between them uncopied.
 */
export class RequestFrame {
  readonly #fields = new ByteWriter(firstBytes)
  /** Large buffers, and where in the fields they belong. */
  readonly #large: { readonly at: number; readonly bytes: Buffer }[] = []
  #largeBytes = 0

  constructor(apiKey: number, apiVersion: number, correlationId: number, clientId: string, isFlexible: boolean) {
    this.int32(0)
    this.int16(apiKey)
    this.int16(apiVersion)
    this.int32(correlationId)
    const name = Buffer.from(clientId)
    this.int16(name.length)
    this.bytes(name)
    if (isFlexible) this.noTags()
  }

  int8(value: number): void {
    this.#fields.writeUint8(value & 0xff)
  }

  int16(value: number): void {
    const at = this.#fields.reserve(2)
    this.#fields.position = this.#fields.buffer.writeInt16BE(value, at)
  }

  int32(value: number): void {
    const at = this.#fields.reserve(4)
    this.#fields.position = this.#fields.buffer.writeInt32BE(value, at)
  }

  int64(value: number): void {
    const at = this.#fields.reserve(8)
    writeInt64(this.#fields.buffer, value, at)
    this.#fields.position = at + 8
  }

  unsignedVarint(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      this.#fields.writeUint8((rest % 128) | 0x80)
      rest = Math.floor(rest / 128)
    }
    this.#fields.writeUint8(rest)
  }

  /** Of an array or a run of bytes; -1 for null. */
  compactLength(length: number): void {
    this.unsignedVarint(length + 1)
  }

  compactString(text: string | null): void {
    if (text === null) {
      this.compactLength(-1)
      return
    }
    const bytes = Buffer.from(text)
    this.compactLength(bytes.length)
    this.bytes(bytes)
  }

  bytes(bytes: Uint8Array): void {
    this.#fields.writeBytes(bytes)
  }

  /** Not copied: it must stay as it is until the request has been answered. */
  large(bytes: Buffer): void {
    this.#large.push({ at: this.#fields.position, bytes })
    this.#largeBytes += bytes.length
  }

  noTags(): void {
    this.#fields.writeUint8(0)
  }

  /** The buffers to write, one behind the other. Nothing may be added afterwards. */
  finish(): Buffer[] {
    const { buffer, position } = this.#fields
    buffer.writeInt32BE(position + this.#largeBytes - 4, 0)
    const parts: Buffer[] = []
    let written = 0
    for (const { at, bytes } of this.#large) {
      parts.push(buffer.subarray(written, at), bytes)
      written = at
    }
    if (written < position) parts.push(buffer.subarray(written, position))
    return parts
  }
}
