/*
 * Variable-length integers: seven bits a byte, the lowest first, the high bit says that more follow (LEB128).
 * Signed ones are zigzag-coded first, so that small magnitudes stay short. All of them are safe integers (53 bits); above
 * 32 bits arithmetic takes the place of bit operations.
 *
 * Source: Protocol Buffers encoding, also used by Kafka's record format.
 */

/** The most bytes that a safe integer needs, unsigned or zigzag-coded. */
export const MAX_VARINT_BYTES = 8

/** Bytes that `writeVarint` needs for this non-negative safe integer. */
export function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++
  return length
}

/** Writes a non-negative safe integer at `at` and returns the position behind it. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value
  let to = at
  while (rest > 0x7fffffff) {
    target[to++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  while (rest >= 0x80) {
    target[to++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  target[to++] = rest
  return to
}

/** As `writeVarint`, zigzag-coded, for an integer of at most 52 bits and its sign. */
export function writeSignedVarint(target: Uint8Array, at: number, value: number): number {
  return writeVarint(target, at, zigzag(value))
}

/** Maps 0, -1, 1, -2, … to 0, 1, 2, 3, … */
export function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1
}

export function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

/** Reads varints one after the other; `position` is where the next one begins. */
export class VarintReader {
  bytes: Uint8Array
  position: number
  readonly end: number

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.bytes = bytes
    this.position = start
    this.end = end
  }

  /** @throws RangeError when the bytes end within it, or it is more than a safe integer. */
  read(): number {
    let value = 0
    let scale = 1
    for (let at = this.position; at < this.end; at++) {
      const byte = this.bytes[at]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break
        this.position = at + 1
        return value
      }
      scale *= 0x80
      if (scale > Number.MAX_SAFE_INTEGER) break
    }
    throw new RangeError(`no variable-length integer at byte ${this.position}`)
  }

  /** @throws RangeError as `read` */
  readSigned(): number {
    return unzigzag(this.read())
  }
}
