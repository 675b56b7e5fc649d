/** Kafka's primitive types, big-endian. A null text has the length -1. */
export class WireWriter {
  readonly #parts: Buffer[] = []

  int8(value: number): this {
    return this.#number(1, (buffer) => buffer.writeInt8(value))
  }

  int16(value: number): this {
    return this.#number(2, (buffer) => buffer.writeInt16BE(value))
  }

  int32(value: number): this {
    return this.#number(4, (buffer) => buffer.writeInt32BE(value))
  }

  string(value: string): this {
    const text = Buffer.from(value)
    this.int16(text.length)
    this.#parts.push(text)
    return this
  }

  bytes(value: Buffer): this {
    this.int32(value.length)
    this.#parts.push(value)
    return this
  }

  toBuffer(): Buffer {
    return Buffer.concat(this.#parts)
  }

  #number(size: number, write: (buffer: Buffer) => void): this {
    const buffer = Buffer.alloc(size)
    write(buffer)
    this.#parts.push(buffer)
    return this
  }
}

/** Reads what {@link WireWriter} writes. Throws a RangeError at the end of the data. */
export class WireReader {
  readonly #data: Buffer
  #position = 0

  constructor(data: Buffer) {
    this.#data = data
  }

  int8(): number {
    return this.#data.readInt8(this.#advance(1))
  }

  int16(): number {
    return this.#data.readInt16BE(this.#advance(2))
  }

  int32(): number {
    return this.#data.readInt32BE(this.#advance(4))
  }

  string(): string | null {
    const length = this.int16()
    if (length < 0) return null
    const start = this.#advance(length)
    return this.#data.toString('utf8', start, start + length)
  }

  array<T>(item: () => T): T[] {
    const length = this.int32()
    const items: T[] = []
    for (let i = 0; i < length; i++) items.push(item())
    return items
  }

  #advance(size: number): number {
    const start = this.#position
    this.#position += size
    return start
  }
}
