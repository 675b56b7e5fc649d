import type { ByteWriter } from '../../serde/byte-writer.ts'
import type { Serde } from '../../serde/serde.ts'

/** A number and a record. */
export type Numbered<T> = readonly [number, T]

/** The number, then the record in its own format. */
export function numberedSerde<T>(values: Serde<T>): Serde<Numbered<T>> {
  return {
    format: `numbered@1(${values.format})`,
    encode([number, value]: Numbered<T>, target: ByteWriter): void {
      target.writeFloat64(number)
      values.encode(value, target)
    },
    decode: (bytes: Buffer, start: number, end: number): Numbered<T> => [
      bytes.readDoubleBE(start),
      values.decode(bytes, start + 8, end),
    ],
  }
}
