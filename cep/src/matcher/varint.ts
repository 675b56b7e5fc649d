import type { ByteWriter } from '@millrace/core/spi'

/** Appends a whole number from 0 on, seven bits a byte. */
export function writeVarint(value: number, target: ByteWriter): void {
  let rest = value
  while (rest >= 0x80) {
    target.writeUint8((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  target.writeUint8(rest)
}

/** Reads bytes one after the other. */
export class ByteReader {
  readonly #bytes: Buffer
  readonly #end: number
  #at: number

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end
  }

  varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#bytes[this.#take(1)] as number
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }

  float64(): number {
    return this.#bytes.readDoubleBE(this.#take(8))
  }

  text(): string {
    const length = this.varint()
    const at = this.#take(length)
    return this.#bytes.toString('utf8', at, at + length)
  }

  /** Whether this number of four bytes comes next; it is passed over then. */
  skipsMark(mark: number): boolean {
    if (this.#end - this.#at < 4 || this.#bytes.readUInt32BE(this.#at) !== mark) return false
    this.#at += 4
    return true
  }

  /** Hands the next bytes, whose number comes first, to a decoder. */
  decode<T>(decode: (bytes: Buffer, start: number, end: number) => T): T {
    const length = this.#bytes.readUInt32BE(this.#take(4))
    const at = this.#take(length)
    return decode(this.#bytes, at, at + length)
  }

  #take(bytes: number): number {
    const at = this.#at
    this.#at += bytes
    if (this.#at > this.#end) throw new RangeError('the bytes end too early')
    return at
  }
}

export function writeText(text: string, target: ByteWriter): void {
  const bytes = Buffer.from(text)
  writeVarint(bytes.length, target)
  target.writeBytes(bytes)
}

/** Writes what an encoder writes, with its length in front. */
export function writeSized(target: ByteWriter, encode: (target: ByteWriter) => void): void {
  const at = target.reserve(4)
  target.position = at + 4
  encode(target)
  target.buffer.writeUInt32BE(target.position - at - 4, at)
}
