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

/** Whether all of `bytes[start, end)`, of which `words` are the words, stands for itself in a string of ASCII. */
export function isPlain(bytes: Buffer, words: Uint32Array, start: number, end: number): boolean {
  let p = start
  for (; p < end && (p & 3) !== 0; p++) if (PLAIN[bytes[p] as number] !== 1) return false
  const whole = end >>> 2
  let found = 0
  for (let word = p >>> 2; word < whole; word++) {
    const x = (words[word] as number) | 0
    found |= x | (x - 0x20202020) | ((x ^ 0x22222222) - 0x01010101) | ((x ^ 0x5c5c5c5c) - 0x01010101)
  }
  if ((found & HIGH) !== 0) return false
  for (p = Math.max(p, whole * 4); p < end; p++) if (PLAIN[bytes[p] as number] !== 1) return false
  return true
}
