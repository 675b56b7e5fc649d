import type { ByteWriter } from '../../serde/byte-writer.ts'
import { encodeKey, KeyDecoder, keyFormat } from '../../serde/key-codec.ts'
import type { Serde } from '../../serde/serde.ts'

/** What one task has gathered of a key before it travels, or has written to disk. */
export class KeyedPartial {
  readonly key: unknown
  readonly accumulator: unknown

  constructor(key: unknown, accumulator: unknown) {
    this.key = key
    this.accumulator = accumulator
  }
}

export function keyedPartialSerde(accumulators: Serde<unknown>): Serde<KeyedPartial> {
  return {
    format: `keyed@1(${keyFormat},${accumulators.format})`,
    encode({ key, accumulator }: KeyedPartial, target: ByteWriter): void {
      encodeKey(key, target)
      accumulators.encode(accumulator, target)
    },
    decode(bytes: Buffer, start: number, end: number): KeyedPartial {
      const decoder = new KeyDecoder(bytes, start, end)
      const key = decoder.read()
      return new KeyedPartial(key, accumulators.decode(bytes, decoder.position, end))
    },
  }
}
