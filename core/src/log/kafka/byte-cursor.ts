import { readInt64 } from './record-batch/layout.ts'

/** Reads the fields of a response from its bytes, in the order of the protocol's flexible versions. */
export class ByteCursor {
  readonly bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  int16(): number {
    const value = this.bytes.readInt16BE(this.at)
    this.at += 2
    return value
  }

  int32(): number {
    const value = this.bytes.readInt32BE(this.at)
    this.at += 4
    return value
  }

  int64(): number {
    const value = readInt64(this.bytes, this.at)
    this.at += 8
    return value
  }

  unsignedVarint(): number {
    let value = 0
    let factor = 1
    for (;;) {
      const byte = this.bytes.readUInt8(this.at++)
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 128
    }
  }

  /** The length of an array, a text or a run of bytes: -1 for null. */
  compactLength(): number {
    return this.unsignedVarint() - 1
  }

  compactString(): string {
    const length = this.compactLength()
    if (length <= 0) return ''
    const text = this.bytes.toString('utf8', this.at, this.at + length)
    this.at += length
    return text
  }

  skipTags(): void {
    for (let n = this.unsignedVarint(); n > 0; n--) {
      this.unsignedVarint()
      const length = this.unsignedVarint()
      this.at += length
    }
  }
}
