import { createRequire } from 'node:module'

type Crc32c = (bytes: Uint8Array) => number

/** CRC-32C (Castagnoli) of the bytes, as Kafka's record batches carry it. */
export const crc32c: Crc32c = native() ?? portable()

/** The native module has no binary for every platform; without it the table below is right, and some ten times slower. */
function native(): Crc32c | undefined {
  try {
    const module = createRequire(import.meta.url)('@node-rs/crc32') as { crc32c(bytes: Uint8Array): number }
    return (bytes) => module.crc32c(bytes)
  } catch {
    return undefined
  }
}

/** Source: the reflected table algorithm of RFC 3385, polynomial 0x1EDC6F41. */
export function portable(): Crc32c {
  const table = new Uint32Array(256)
  for (let n = 0; n < 256; n++) {
    let value = n
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0x82f6_3b78 ^ (value >>> 1) : value >>> 1
    table[n] = value
  }
  return (bytes) => {
    let crc = 0xffff_ffff
    for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8)
    return (crc ^ 0xffff_ffff) >>> 0
  }
}
