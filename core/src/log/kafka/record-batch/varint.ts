/*
 * Zigzag varints as in Kafka's records. Numbers are JavaScript numbers, exact within ±2^52.
 * A read leaves the position behind it in `position`, so that nothing is allocated for a second result.
 */

/** Where the last read ended. */
export let position = 0

export function readVarint(bytes: Uint8Array, start: number): number {
  let at = start
  let byte = bytes[at++]!
  if (byte < 0x80) {
    position = at
    return (byte >>> 1) ^ -(byte & 1)
  }
  let low = byte & 0x7f
  let shift = 7
  do {
    byte = bytes[at++]!
    low |= (byte & 0x7f) << shift
    shift += 7
  } while (byte >= 0x80 && shift < 28)
  if (byte < 0x80) {
    position = at
    return (low >>> 1) ^ -(low & 1)
  }
  return readLong(bytes, at, low)
}

/** Goes on where the 28 bits that fit into a small integer ended; NaN when the number never ends. */
function readLong(bytes: Uint8Array, start: number, low: number): number {
  let at = start
  let value = low
  let factor = 0x1000_0000
  for (let i = 0; i < 6; i++) {
    const byte = bytes[at++]!
    value += (byte & 0x7f) * factor
    if (byte < 0x80) {
      position = at
      return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
    factor *= 128
  }
  position = at
  return Number.NaN
}

/** Writes the number and returns the position behind it. */
export function writeVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start
  let rest = value < 0 ? -2 * value - 1 : 2 * value
  while (rest > 0x7fff_ffff) {
    bytes[at++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}

/** The bytes that `writeVarint` needs. */
export function sizeOfVarint(value: number): number {
  const rest = value < 0 ? -2 * value - 1 : 2 * value
  if (rest < 0x80) return 1
  if (rest < 0x4000) return 2
  if (rest < 0x20_0000) return 3
  if (rest < 0x1000_0000) return 4
  let size = 5
  for (let limit = 0x8_0000_0000; rest >= limit; limit *= 128) size++
  return size
}
