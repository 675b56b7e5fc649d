import { DecodeError } from '../errors.ts'
import type { ByteWriter } from './byte-writer.ts'
import { detached, type Serde } from './serde.ts'

const stringSerde: Serde<string> = detached({
  format: 'string@1',
  decode: (bytes: Buffer, start: number, end: number): string => bytes.toString('utf8', start, end),
  encode: (value: string, target: ByteWriter): void => target.writeUtf8(value),
})

const bytesSerde: Serde<Uint8Array> = detached({
  format: 'bytes@1',
  decode: (bytes: Buffer, start: number, end: number): Buffer => Buffer.from(bytes.subarray(start, end)),
  encode: (value: Uint8Array, target: ByteWriter): void => target.writeBytes(value),
})

const numberSerde: Serde<number> = detached({
  format: 'float64@1',
  decode(bytes: Buffer, start: number, end: number): number {
    if (end - start !== 8) throw new DecodeError(`a number takes 8 bytes (float64, big-endian), not ${end - start}`)
    return bytes.readDoubleBE(start)
  },
  encode: (value: number, target: ByteWriter): void => target.writeFloat64(value),
})

const bigintSerde: Serde<bigint> = detached({
  format: 'bigint@1',
  decode(bytes: Buffer, start: number, end: number): bigint {
    if (end === start) throw new DecodeError('a bigint takes at least one byte')
    return readBigint(bytes, start, end)
  },
  encode: (value: bigint, target: ByteWriter): void => writeBigint(value, target),
})

/** Text as UTF-8. Bytes that are not UTF-8 decode to U+FFFD. */
export function string(): Serde<string> {
  return stringSerde
}

/** Bytes as they are; decoding copies them, so that they stay when the batch they came in is gone. */
export function bytes(): Serde<Uint8Array> {
  return bytesSerde
}

/** A number as float64, big-endian. @throws DECODE_FAILED for anything but 8 bytes */
export function number(): Serde<number> {
  return numberSerde
}

/** A bigint of any size as two's complement, big-endian, in as few bytes as it needs. @throws DECODE_FAILED for no bytes */
export function bigint(): Serde<bigint> {
  return bigintSerde
}

/** Appends the shortest two's complement form, highest byte first. */
export function writeBigint(value: bigint, target: ByteWriter): void {
  // Bits of the magnitude (of the complement for negatives), and one for the sign.
  const magnitude = value < 0n ? -value - 1n : value
  const hexDigits = magnitude === 0n ? 0 : magnitude.toString(16).length
  let length = Math.max(1, Math.ceil(hexDigits / 2))
  if (magnitude >> BigInt(length * 8 - 1) !== 0n) length++
  const at = target.reserve(length)
  let rest = BigInt.asUintN(length * 8, value)
  for (let i = at + length - 1; i >= at; i--) {
    target.buffer[i] = Number(rest & 0xffn)
    rest >>= 8n
  }
  target.position = at + length
}

/** Reads what `writeBigint` wrote. */
export function readBigint(bytes: Buffer, start: number, end: number): bigint {
  return BigInt.asIntN((end - start) * 8, BigInt(`0x${bytes.toString('hex', start, end)}`))
}
