import { KeyError } from '../errors.ts'
import { VarintReader, varintLength, writeVarint, zigzag } from '../structure/varint.ts'
import { ByteWriter } from './byte-writer.ts'
import { readBigint, writeBigint } from './primitives.ts'

/*
 * Keys as bytes: keys that are equal have the same bytes, keys that differ have different ones (the encoding is injective),
 * and no encoding is the beginning of another one, so that something may follow it.
 *
 *     false true                     tag
 *     integer within 32 bits         tag, zigzag varint
 *     any other number               tag, float64 big-endian
 *     string                         tag, varint byte length, UTF-8
 *     string with a lone surrogate   tag, varint byte length, UTF-16 (UTF-8 has no form for it)
 *     bigint                         tag, varint byte length, two's complement
 *     Date                           tag, float64 of its milliseconds
 *     bytes                          tag, varint byte length, bytes
 *     array                          tag, varint count, elements
 *     object                         tag, varint count, for each property in the order of names: name as string, value
 *
 * The tags are stored in state and topics: they must never change.
 */
const FALSE = 0x01
const TRUE = 0x02
const INTEGER = 0x03
const FLOAT = 0x04
const STRING = 0x05
const STRING_UTF16 = 0x06
const BIGINT = 0x07
const DATE = 0x08
const BYTES = 0x09
const ARRAY = 0x0a
const OBJECT = 0x0b

/** Names the encoding, to be stored beside keyed state. */
export const keyFormat = 'key@1'

/** Deeper keys are refused; it also ends the walk through a cycle. */
const MAX_DEPTH = 32

const scratch = new ByteWriter(256)
const bigintScratch = new ByteWriter(32)

/** The bytes of a key. @throws KEY_INVALID as `encodeKey` */
export function keyBytes(key: unknown): Buffer {
  scratch.position = 0
  encodeKey(key, scratch)
  return scratch.toBuffer()
}

/**
 * Appends the bytes of a key: a string, number (-0 is 0), bigint, boolean, Date, Uint8Array, or an array or plain object of
 * these.
 *
 * @throws KEY_INVALID for undefined, null, NaN, functions, symbols, invalid dates and instances of other classes, also
 * within arrays and objects; the message names what was given and where
 */
export function encodeKey(key: unknown, target: ByteWriter): void {
  if (typeof key === 'string') {
    encodeString(key, target)
  } else if (typeof key === 'number' && (key | 0) === key) {
    encodeInteger(key, target)
  } else {
    const start = target.position
    try {
      encodeAny(key, target, 'key', 0)
    } catch (error) {
      target.position = start
      throw error
    }
  }
}

/** The key that `bytes[start, end)` stands for. @throws KEY_INVALID when these bytes are not exactly one encoded key */
export function decodeKey(bytes: Buffer, start = 0, end: number = bytes.length): unknown {
  const decoder = new KeyDecoder(bytes, start, end)
  const key = decoder.read()
  if (decoder.position !== end) {
    throw new KeyError(`stored key bytes are corrupt: ${end - decoder.position} bytes follow the key`)
  }
  return key
}

/** Decodes a key that other bytes follow; `position` is where they begin. */
export class KeyDecoder {
  readonly #bytes: Buffer
  readonly #reader: VarintReader

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes
    this.#reader = new VarintReader(bytes, start, end)
  }

  get position(): number {
    return this.#reader.position
  }

  /** @throws KEY_INVALID */
  read(): unknown {
    try {
      return this.#readAny(0)
    } catch (cause) {
      if (KeyError.is(cause)) throw cause
      throw new KeyError(`stored key bytes are corrupt: ${(cause as Error).message}`, { cause })
    }
  }

  #readAny(depth: number): unknown {
    if (depth > MAX_DEPTH) throw new RangeError('nested too deeply')
    const reader = this.#reader
    const tag = this.#bytes[this.#take(1)]
    switch (tag) {
      case FALSE:
        return false
      case TRUE:
        return true
      case INTEGER:
        return reader.readSigned()
      case FLOAT:
        return this.#bytes.readDoubleBE(this.#take(8))
      case DATE:
        return new Date(this.#bytes.readDoubleBE(this.#take(8)))
      case STRING:
      case STRING_UTF16: {
        const at = this.#take(reader.read())
        return this.#bytes.toString(tag === STRING ? 'utf8' : 'utf16le', at, reader.position)
      }
      case BIGINT: {
        const at = this.#take(reader.read())
        return readBigint(this.#bytes, at, reader.position)
      }
      case BYTES: {
        const at = this.#take(reader.read())
        return Buffer.from(this.#bytes.subarray(at, reader.position))
      }
      case ARRAY: {
        const count = reader.read()
        const elements: unknown[] = []
        for (let i = 0; i < count; i++) elements.push(this.#readAny(depth + 1))
        return elements
      }
      case OBJECT: {
        const count = reader.read()
        const entries: [string, unknown][] = []
        for (let i = 0; i < count; i++) {
          const name = this.#readAny(depth + 1)
          if (typeof name !== 'string') throw new RangeError('the name of a property is not a string')
          entries.push([name, this.#readAny(depth + 1)])
        }
        return Object.fromEntries(entries)
      }
      default:
        throw new RangeError(`no key begins with ${tag}`)
    }
  }

  #take(length: number): number {
    const at = this.#reader.position
    if (at + length > this.#reader.end) throw new RangeError('the bytes end within the key')
    this.#reader.position = at + length
    return at
  }
}

function encodeAny(key: unknown, target: ByteWriter, path: string, depth: number): void {
  switch (typeof key) {
    case 'string':
      encodeString(key, target)
      return
    case 'number':
      if (Number.isNaN(key)) throw invalid(path, 'NaN')
      if ((key | 0) === key) {
        encodeInteger(key, target)
      } else {
        target.writeUint8(FLOAT)
        target.writeFloat64(key)
      }
      return
    case 'boolean':
      target.writeUint8(key ? TRUE : FALSE)
      return
    case 'bigint':
      bigintScratch.position = 0
      writeBigint(key, bigintScratch)
      encodeBlob(BIGINT, bigintScratch.buffer.subarray(0, bigintScratch.position), target)
      return
    case 'object':
      if (key === null) throw invalid(path, 'null')
      encodeObject(key, target, path, depth)
      return
    default:
      throw invalid(path, typeof key === 'undefined' ? 'undefined' : `a ${typeof key}`)
  }
}

function encodeObject(key: object, target: ByteWriter, path: string, depth: number): void {
  if (depth === MAX_DEPTH) throw new KeyError(`${path} is nested more than ${MAX_DEPTH} deep, or contains itself`)
  if (Array.isArray(key)) {
    encodeCount(ARRAY, key.length, target)
    for (let i = 0; i < key.length; i++) encodeAny(key[i], target, `${path}[${i}]`, depth + 1)
    return
  }
  if (key instanceof Uint8Array) {
    encodeBlob(BYTES, key, target)
    return
  }
  if (key instanceof Date) {
    if (Number.isNaN(key.getTime())) throw invalid(path, 'an invalid Date')
    target.writeUint8(DATE)
    target.writeFloat64(key.getTime())
    return
  }
  const prototype: unknown = Object.getPrototypeOf(key)
  if (prototype !== Object.prototype && prototype !== null) {
    const name = (key as { constructor?: { name?: string } }).constructor?.name
    throw invalid(path, `an instance of ${name === undefined || name === '' ? 'a class' : name}`)
  }
  const names = Object.keys(key).sort()
  encodeCount(OBJECT, names.length, target)
  for (const name of names) {
    encodeString(name, target)
    encodeAny((key as Record<string, unknown>)[name], target, `${path}.${name}`, depth + 1)
  }
}

function encodeInteger(value: number, target: ByteWriter): void {
  const at = target.reserve(6)
  target.buffer[at] = INTEGER
  target.position = writeVarint(target.buffer, at + 1, zigzag(value))
}

function encodeString(value: string, target: ByteWriter): void {
  if (value.length <= 42) {
    // At most 126 bytes of UTF-8: the length takes one byte, which can be filled in afterwards.
    const at = target.reserve(2 + value.length * 3)
    const length = target.buffer.write(value, at + 2, 'utf8')
    if (length === value.length || value.isWellFormed()) {
      target.buffer[at] = STRING
      target.buffer[at + 1] = length
      target.position = at + 2 + length
      return
    }
  } else if (value.isWellFormed()) {
    encodeCount(STRING, Buffer.byteLength(value, 'utf8'), target)
    target.writeUtf8(value)
    return
  }
  encodeBlob(STRING_UTF16, Buffer.from(value, 'utf16le'), target)
}

function encodeBlob(tag: number, bytes: Uint8Array, target: ByteWriter): void {
  encodeCount(tag, bytes.length, target)
  target.writeBytes(bytes)
}

function encodeCount(tag: number, count: number, target: ByteWriter): void {
  const at = target.reserve(1 + varintLength(count))
  target.buffer[at] = tag
  target.position = writeVarint(target.buffer, at + 1, count)
}

function invalid(path: string, what: string): KeyError {
  return new KeyError(
    `${path} is ${what}; a key must be a string, number, bigint, boolean, Date, Uint8Array, or an array or plain object of these`,
  )
}
