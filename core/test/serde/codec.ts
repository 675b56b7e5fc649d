import { expect } from 'vitest'
import { ByteWriter } from '../../src/serde/byte-writer.ts'
import type { Serde } from '../../src/serde/serde.ts'

/** The bytes of one value. */
export function encoded<T>(serde: Serde<T>, value: T): Buffer {
  const writer = new ByteWriter(1)
  serde.encode(value, writer)
  return writer.toBuffer()
}

/** The value as it comes back from the middle of a larger buffer whose other bytes are noise. */
export function throughRange<T>(serde: Serde<T>, value: T): T {
  const writer = new ByteWriter(4)
  writer.writeBytes(Buffer.from([0xff, 0x00, 0x22]))
  const start = writer.position
  serde.encode(value, writer)
  const end = writer.position
  writer.writeBytes(Buffer.from([0xc3, 0x5d, 0x31, 0x00]))
  const bytes = writer.toBuffer()
  const decoded = serde.decode(bytes, start, end)
  // What was decoded must not change with the batch that it came in.
  bytes.fill(0xee)
  return decoded
}

export function decodedFrom<T>(serde: Serde<T>, bytes: Uint8Array): T {
  return serde.decode(Buffer.from(bytes), 0, bytes.length)
}

export function expectDecodeError(serde: Serde<unknown>, bytes: Uint8Array): void {
  expect(() => decodedFrom(serde, bytes)).toThrowError(expect.objectContaining({ code: 'DECODE_FAILED' }))
}
