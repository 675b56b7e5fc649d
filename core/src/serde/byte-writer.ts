/**
 * A growing buffer that encoders write into in place. `position` is the end of what was written;
 * `buffer` may be replaced by a larger one at any `reserve`, so take it anew after each call.
 */
export class ByteWriter {
  position = 0
  readonly buffer: Buffer
  /** The same bytes, for numbers that stand anywhere among them. */
  readonly view: DataView

  constructor(initialBytes = 1024) {
    this.buffer = Buffer.allocUnsafeSlow(initialBytes)
    this.view = viewOf(this.buffer)
  }

  /** Lets go of the buffer, and of what was written, for one of this size. */
  renew(bytes: number): void {
    this.position = 0
    this.#use(Buffer.allocUnsafeSlow(bytes))
  }

  /** Makes room for `bytes` more and returns the position to write at; the caller moves `position`. */
  reserve(bytes: number): number {
    const needed = this.position + bytes
    if (needed > this.buffer.length) this.#grow(needed)
    return this.position
  }

  writeBytes(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length)
    this.buffer.set(bytes, at)
    this.position = at + bytes.length
  }

  /** Writes the text as UTF-8, without a length. */
  writeUtf8(text: string): void {
    // Three bytes for each UTF-16 unit is the most that UTF-8 can need.
    const at = this.reserve(text.length * 3)
    this.position = at + this.buffer.write(text, at, 'utf8')
  }

  writeUint8(value: number): void {
    const at = this.reserve(1)
    this.buffer[at] = value
    this.position = at + 1
  }

  writeUint32(value: number): void {
    const at = this.reserve(4)
    this.buffer.writeUInt32BE(value, at)
    this.position = at + 4
  }

  writeFloat64(value: number): void {
    const at = this.reserve(8)
    this.buffer.writeDoubleBE(value, at)
    this.position = at + 8
  }

  /** A copy of what was written, which stays valid. */
  toBuffer(): Buffer {
    return Buffer.from(this.buffer.subarray(0, this.position))
  }

  #grow(needed: number): void {
    let size = Math.max(1, this.buffer.length) * 2
    while (size < needed) size *= 2
    const larger = Buffer.allocUnsafeSlow(size)
    this.buffer.copy(larger, 0, 0, this.position)
    this.#use(larger)
  }

  #use(buffer: Buffer): void {
    const own = this as { buffer: Buffer; view: DataView }
    own.buffer = buffer
    own.view = viewOf(buffer)
  }
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
}
