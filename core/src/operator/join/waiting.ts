import type { ByteWriter } from '../../serde/byte-writer.ts'
import type { Serde } from '../../serde/serde.ts'

/** A record that waits for partners. */
export interface Waiting {
  readonly value: unknown
  isMatched: boolean
}

/** Records of one time: for each a flag, the length of its bytes (u32), the bytes. */
export function sideSerde(serde: Serde<unknown>): Serde<Waiting[]> {
  return {
    format: `waiting@1+${serde.format}`,
    encode(list: Waiting[], target: ByteWriter): void {
      for (const { value, isMatched } of list) {
        target.writeUint8(isMatched ? 1 : 0)
        const lengthAt = target.reserve(4)
        target.position = lengthAt + 4
        serde.encode(value, target)
        target.buffer.writeUInt32BE(target.position - lengthAt - 4, lengthAt)
      }
    },
    decode(bytes: Buffer, start: number, end: number): Waiting[] {
      const list: Waiting[] = []
      for (let at = start; at < end; ) {
        const valueEnd = at + 5 + bytes.readUInt32BE(at + 1)
        list.push({ isMatched: bytes[at] === 1, value: serde.decode(bytes, at + 5, valueEnd) })
        at = valueEnd
      }
      return list
    },
  }
}
