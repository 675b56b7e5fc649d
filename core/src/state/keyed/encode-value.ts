import { ByteWriter } from '../../serde/byte-writer.ts'
import type { Serde } from '../../serde/serde.ts'

const scratch = new ByteWriter(4096)

/** The bytes of one value, in a buffer of its own. */
export function encodeValue<T>(value: T, serde: Serde<T>): Buffer {
  scratch.position = 0
  serde.encode(value, scratch)
  return scratch.toBuffer()
}
