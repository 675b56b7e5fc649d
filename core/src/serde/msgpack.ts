import { addExtension, Packr } from 'msgpackr'
import { DecodeError, StreamError } from '../errors.ts'
import type { ByteWriter } from './byte-writer.ts'
import type { Serde } from './serde.ts'

/*
 * Plain objects are written as standard MessagePack maps, so that programs in other languages understand them. A Map would
 * be the same on the wire and come back as an object; it is therefore wrapped in an extension of our own before packing.
 * No record structures are used: every value can be decoded alone, whatever was decoded before it.
 */

/** Extension type of a Map: an array of alternating keys and values. */
const MAP_EXTENSION = 0x4d
/** msgpackr's RESET_BUFFER_MODE: the next pack writes over the result, which has been copied by then. */
const RESET_BUFFER = 1024

class WrappedMap {
  readonly flat: unknown[] = []

  constructor(map: ReadonlyMap<unknown, unknown>) {
    for (const [key, value] of map) this.flat.push(wrapMaps(key), wrapMaps(value))
  }
}

addExtension({
  Class: WrappedMap,
  type: MAP_EXTENSION,
  write: (wrapped: WrappedMap): unknown[] => wrapped.flat,
  read(flat: unknown[]): Map<unknown, unknown> {
    const map = new Map<unknown, unknown>()
    for (let i = 0; i < flat.length; i += 2) map.set(flat[i], flat[i + 1])
    return map
  },
})

const settings = {
  useRecords: false,
  moreTypes: true,
  copyBuffers: true,
  // Asked for what to write in place of a function; without it the library writes nil.
  writeFunction: (): never => {
    throw new TypeError('a function is no data')
  },
}
// One object for every call, so that decoding allocates only the value.
const range = { start: 0, end: 0 }

class MsgpackSerde<T> implements Serde<T> {
  readonly format: string
  readonly #packr: Packr
  /** Whether an integer is the same here as it is for everybody; with record structures some bytes mean these. */
  readonly #hasPlainIntegers: boolean

  constructor(format: string, packr: Packr, hasPlainIntegers: boolean) {
    this.format = format
    this.#packr = packr
    this.#hasPlainIntegers = hasPlainIntegers
  }

  get isDetached(): boolean {
    return true
  }

  decode(bytes: Buffer, start: number, end: number): T {
    // The library takes an end of 0 for "all".
    if (end <= start) throw new DecodeError('no bytes are not a MessagePack value')
    range.start = start
    range.end = end
    try {
      return this.#packr.unpack(bytes, range) as T
    } catch (cause) {
      throw new DecodeError(`${end - start} bytes are not one MessagePack value: ${(cause as Error).message}`, {
        cause,
      })
    }
  }

  encode(value: T, target: ByteWriter): void {
    if (typeof value === 'number' && (value | 0) === value && this.#hasPlainIntegers) {
      writeInteger(value, target)
      return
    }
    let packed: Uint8Array
    try {
      packed = this.#packr.pack(hasMap(value) ? wrapMaps(value) : value, RESET_BUFFER)
    } catch (cause) {
      throw new StreamError('ENCODE_FAILED', `a value cannot be written as MessagePack: ${(cause as Error).message}`, {
        cause,
      })
    }
    target.writeBytes(packed)
  }
}

const shared = new MsgpackSerde<never>('msgpack@1', new Packr(settings), true)

/**
 * Values as MessagePack: about as fast as JSON and smaller, and Date, Map, Set, bigint, bytes, typed arrays and undefined
 * come back as they were. Instances of other classes come back as plain objects, -0 as 0. The type parameter is a
 * promise about the data, which nothing checks.
 *
 * @throws DECODE_FAILED when the bytes are not exactly one value
 * @throws ENCODE_FAILED for functions, symbols and cycles
 */
export function msgpack<T>(): Serde<T> {
  return shared as unknown as Serde<T>
}

/**
 * The serde for values that come back within this process, by the same serde: instead of `msgpack`, which writes the names of an
 * object's fields with each of them, one that writes them once and keeps them; any other as it is.
 */
export function rowSerde<T>(serde: Serde<T>): Serde<T> {
  if ((serde as unknown) !== shared) return serde
  return new MsgpackSerde<T>('msgpack-rows', new Packr({ ...settings, useRecords: true, structures: [] }), false)
}

/** An integer within 32 bits, in as few bytes as it takes: most state is counters. */
function writeInteger(value: number, target: ByteWriter): void {
  const at = target.reserve(5)
  const { buffer } = target
  if (value >= -0x20 && value < 0x80) {
    buffer[at] = value & 0xff
    target.position = at + 1
  } else if (value >= -0x80 && value < 0x100) {
    buffer[at] = value < 0 ? 0xd0 : 0xcc
    buffer[at + 1] = value & 0xff
    target.position = at + 2
  } else if (value >= -0x8000 && value < 0x10000) {
    buffer[at] = value < 0 ? 0xd1 : 0xcd
    buffer[at + 1] = (value >> 8) & 0xff
    buffer[at + 2] = value & 0xff
    target.position = at + 3
  } else {
    buffer[at] = value < 0 ? 0xd2 : 0xce
    buffer.writeInt32BE(value, at + 1)
    target.position = at + 5
  }
}

function hasMap(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (hasMap(value[i])) return true
    return false
  }
  if (value instanceof Map) return true
  if (value instanceof Set) {
    for (const element of value) if (hasMap(element)) return true
    return false
  }
  if (ArrayBuffer.isView(value)) return false
  for (const key in value) if (hasMap((value as Record<string, unknown>)[key])) return true
  return false
}

function wrapMaps(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !hasMap(value)) return value
  if (value instanceof Map) return new WrappedMap(value)
  if (Array.isArray(value)) return value.map(wrapMaps)
  if (value instanceof Set) return new Set([...value].map(wrapMaps))
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, wrapMaps(inner)]))
}
