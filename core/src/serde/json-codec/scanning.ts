import type { FastBuffer } from './fast-buffer.ts'

/*
 * Most bytes of JSON stand in strings, and are only looked at for where the string ends. Four at a time are looked at here, as one
 * number of 32 bits: with `x` less 0x20 in each byte, the highest bit of a byte tells a control character, unless it was set before; in the
 * same way `x ^ 0x22…` less one tells a quote, and `x ^ 0x5c…` a backslash. A borrow begins only in a byte that is found anyway.
 */

/** 1 for bytes that stand for themselves in a string of ASCII. */
export const PLAIN: Uint8Array = new Uint8Array(256)
/** The same with the bytes of longer characters. */
export const LITERAL: Uint8Array = new Uint8Array(256)
for (let byte = 0x20; byte < 0x100; byte++) {
  if (byte === 0x22 || byte === 0x5c) continue
  LITERAL[byte] = 1
  if (byte < 0x80) PLAIN[byte] = 1
}

const HIGH = 0x80808080 | 0
/** Places in larger memory do not fit the arithmetic below. */
const LARGEST = 0x7fffffff

/** The buffer that `words` shows, and the one that was asked for last. A view costs more than it gains in a single record. */
let viewed: Buffer | undefined
let last: Buffer | undefined
let words: Uint32Array = new Uint32Array(0)
/** Where the buffer begins among the bytes of `words`. */
let offset = 0

/** To be called before a record is scanned: the second time in the same buffer, it is worth a view. */
export function view(bytes: Buffer): void {
  if (bytes === viewed) return
  if (bytes !== last) {
    last = bytes
    return
  }
  if (bytes.buffer.byteLength > LARGEST) return
  viewed = bytes
  words = new Uint32Array(bytes.buffer, 0, bytes.buffer.byteLength >> 2)
  offset = bytes.byteOffset
}

let seen: Buffer | undefined
let whole: DataView | undefined

/** For words that begin anywhere in the buffer; undefined for a buffer that was not asked for before. */
export function memoryView(bytes: Buffer): DataView | undefined {
  if (bytes !== seen) {
    seen = bytes
    whole = undefined
    return undefined
  }
  whole ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return whole
}

/** The first byte from `start` on that does not stand for itself in a string of ASCII; `end` when there is none before. */
export function plainEnd(bytes: FastBuffer, start: number, end: number): number {
  let p = start
  if (bytes === viewed) {
    for (; ((p + offset) & 3) !== 0; p++) if (p >= end || PLAIN[bytes[p] as number] !== 1) return p
    const whole = (end + offset) >> 2
    let word = (p + offset) >> 2
    for (; word < whole; word++) {
      const x = (words[word] as number) | 0
      const found = x | (x - 0x20202020) | ((x ^ 0x22222222) - 0x01010101) | ((x ^ 0x5c5c5c5c) - 0x01010101)
      if ((found & HIGH) !== 0) break
    }
    p = (word << 2) - offset
  }
  while (p < end && PLAIN[bytes[p] as number] === 1) p++
  return p
}

/** The same for a string of any characters. */
export function literalEnd(bytes: FastBuffer, start: number, end: number): number {
  let p = start
  if (bytes === viewed) {
    for (; ((p + offset) & 3) !== 0; p++) if (p >= end || LITERAL[bytes[p] as number] !== 1) return p
    const whole = (end + offset) >> 2
    let word = (p + offset) >> 2
    for (; word < whole; word++) {
      const x = (words[word] as number) | 0
      const found = (x - 0x20202020) | ((x ^ 0x22222222) - 0x01010101) | ((x ^ 0x5c5c5c5c) - 0x01010101)
      if ((found & ~x & HIGH) !== 0) break
    }
    p = (word << 2) - offset
  }
  while (p < end && LITERAL[bytes[p] as number] === 1) p++
  return p
}

const ORDINARY = 0x61616161

/** Whether all bytes from `start` to `end` stand for themselves in a string of ASCII. Up to eight bytes behind them are written to. */
export function isPlain(view: DataView, start: number, end: number): boolean {
  view.setInt32(end, ORDINARY, true)
  view.setInt32(end + 4, ORDINARY, true)
  let found = 0
  for (let p = start; p < end; p += 8) {
    const x = view.getInt32(p, true)
    const y = view.getInt32(p + 4, true)
    found |= x | y | ((x ^ 0x02020202) - 0x21212121) | ((x ^ 0x5c5c5c5c) - 0x01010101)
    found |= ((y ^ 0x02020202) - 0x21212121) | ((y ^ 0x5c5c5c5c) - 0x01010101)
  }
  return (found & HIGH) === 0
}
