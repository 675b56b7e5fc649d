import type { FastBuffer } from './fast-buffer.ts'
import { literalEnd } from './scanning.ts'

/*
 * The pieces of JSON (RFC 8259) that generated decoders do not spell out. A position beyond the buffer reads as undefined, which
 * no comparison takes for a character (tables are never asked for it), so nothing here runs on for ever; whether a record ended where it should is checked at
 * its end. Nothing throws: -1 or undefined says that the bytes are for the slow way, which finds out what is wrong with them.
 */

/** What the last call found, where it has two results. */
export const found: { at: number; number: number } = { at: 0, number: 0 }

const POWERS_OF_TEN = Array.from({ length: 16 }, (_, power) => 10 ** power)
const MOST_EXACT_DIGITS = 15
const DEEPEST = 200

export function skipWhitespace(bytes: FastBuffer, at: number): number {
  let p = at
  for (let c = bytes[p]; c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09; c = bytes[++p]);
  return p
}

/** A number with a fraction, an exponent or many digits; -1 when it is none. */
export function readNumber(bytes: FastBuffer, start: number): number {
  let p = start
  const isNegative = bytes[p] === 0x2d
  if (isNegative) p++
  const integerAt = p
  let mantissa = 0
  let c = bytes[p] as number
  for (; c >= 0x30 && c <= 0x39; c = bytes[++p] as number) mantissa = mantissa * 10 + (c - 0x30)
  let digits = p - integerAt
  if (digits === 0 || (digits > 1 && bytes[integerAt] === 0x30)) return -1
  let fraction = 0
  if (c === 0x2e) {
    const fractionAt = ++p
    for (c = bytes[p] as number; c >= 0x30 && c <= 0x39; c = bytes[++p] as number) mantissa = mantissa * 10 + (c - 0x30)
    fraction = p - fractionAt
    if (fraction === 0) return -1
    digits += fraction
  }
  const hasExponent = c === 0x65 || c === 0x45
  if (hasExponent) {
    c = bytes[++p] as number
    if (c === 0x2b || c === 0x2d) c = bytes[++p] as number
    const exponentAt = p
    for (; c >= 0x30 && c <= 0x39; c = bytes[++p] as number);
    if (p === exponentAt) return -1
  }
  // Up to 15 digits and powers of ten are exact doubles, and so is their quotient rounded once.
  if (!hasExponent && digits <= MOST_EXACT_DIGITS) {
    const value = mantissa / (POWERS_OF_TEN[fraction] as number)
    found.number = isNegative ? -value : value
  } else {
    found.number = Number(bytes.latin1Slice(start, p))
    // JSON text may hold numbers beyond what a double can; a schema's number is finite.
    if (found.number - found.number !== 0) return -1
  }
  return p
}

/** A string with escapes or characters beyond ASCII, from its opening quote; its end is in `found.at`. */
export function readString(bytes: FastBuffer, start: number): string | undefined {
  let p = start + 1
  let hasEscapes = false
  for (;;) {
    p = literalEnd(bytes, p, bytes.length)
    if (bytes[p] === 0x22) break
    if (bytes[p] !== 0x5c || bytes[p + 1] === undefined) return undefined
    hasEscapes = true
    p += 2
  }
  found.at = p + 1
  if (!hasEscapes) return bytes.utf8Slice(start + 1, p)
  return parse(bytes, start, p + 1) as string | undefined
}

/** Any value; undefined when the bytes are none. */
export function parse(bytes: FastBuffer, start: number, end: number): unknown {
  try {
    return JSON.parse(bytes.utf8Slice(start, end))
  } catch {
    // The slow way parses the whole record and tells what is wrong.
    return undefined
  }
}

/** Goes by a value, which must be well formed; -1 when it is not, or nested too deep to be looked at here. */
export function skipValue(bytes: FastBuffer, start: number, depth: number): number {
  const c = bytes[start] as number
  if (c === 0x22) return skipString(bytes, start)
  if (c === 0x2d || (c >= 0x30 && c <= 0x39)) return skipNumber(bytes, start)
  if (c === 0x7b) return depth > DEEPEST ? -1 : skipObject(bytes, start, depth)
  if (c === 0x5b) return depth > DEEPEST ? -1 : skipArray(bytes, start, depth)
  return skipWord(bytes, start)
}

function skipString(bytes: FastBuffer, start: number): number {
  let p = start + 1
  for (;;) {
    p = literalEnd(bytes, p, bytes.length)
    const c = bytes[p]
    if (c === 0x22) return p + 1
    if (c !== 0x5c) return -1
    p = skipEscape(bytes, p + 1)
    if (p < 0) return -1
  }
}

function skipEscape(bytes: FastBuffer, at: number): number {
  switch (bytes[at]) {
    case 0x22: // "
    case 0x5c: // \
    case 0x2f: // /
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return at + 1
    case 0x75: // u
      for (let p = at + 1; p < at + 5; p++) if (!isHexDigit(bytes[p] as number)) return -1
      return at + 5
    default:
      return -1
  }
}

function isHexDigit(c: number): boolean {
  return (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x46) || (c >= 0x61 && c <= 0x66)
}

function skipNumber(bytes: FastBuffer, start: number): number {
  let p = bytes[start] === 0x2d ? start + 1 : start
  const integerAt = p
  let c = bytes[p] as number
  for (; c >= 0x30 && c <= 0x39; c = bytes[++p] as number);
  if (p === integerAt || (p - integerAt > 1 && bytes[integerAt] === 0x30)) return -1
  return c === 0x2e || c === 0x65 || c === 0x45 ? skipFraction(bytes, p) : p
}

function skipFraction(bytes: FastBuffer, at: number): number {
  let p = at
  let c = bytes[p] as number
  if (c === 0x2e) {
    const fractionAt = ++p
    for (c = bytes[p] as number; c >= 0x30 && c <= 0x39; c = bytes[++p] as number);
    if (p === fractionAt) return -1
  }
  if (c !== 0x65 && c !== 0x45) return p
  c = bytes[++p] as number
  if (c === 0x2b || c === 0x2d) c = bytes[++p] as number
  const exponentAt = p
  for (; c >= 0x30 && c <= 0x39; c = bytes[++p] as number);
  return p === exponentAt ? -1 : p
}

function skipWord(bytes: FastBuffer, start: number): number {
  const c = bytes[start]
  const word = c === 0x74 ? 'true' : c === 0x66 ? 'false' : c === 0x6e ? 'null' : ''
  if (word === '') return -1
  for (let i = 1; i < word.length; i++) if (bytes[start + i] !== word.charCodeAt(i)) return -1
  return start + word.length
}

function skipObject(bytes: FastBuffer, start: number, depth: number): number {
  let p = skipWhitespace(bytes, start + 1)
  if (bytes[p] === 0x7d) return p + 1
  for (;;) {
    if (bytes[p] !== 0x22) return -1
    p = skipString(bytes, p)
    if (p < 0) return -1
    p = skipWhitespace(bytes, p)
    if (bytes[p] !== 0x3a) return -1
    p = skipValue(bytes, skipWhitespace(bytes, p + 1), depth + 1)
    if (p < 0) return -1
    p = skipWhitespace(bytes, p)
    if (bytes[p] === 0x7d) return p + 1
    if (bytes[p] !== 0x2c) return -1
    p = skipWhitespace(bytes, p + 1)
  }
}

function skipArray(bytes: FastBuffer, start: number, depth: number): number {
  let p = skipWhitespace(bytes, start + 1)
  if (bytes[p] === 0x5d) return p + 1
  for (;;) {
    p = skipValue(bytes, p, depth + 1)
    if (p < 0) return -1
    p = skipWhitespace(bytes, p)
    if (bytes[p] === 0x5d) return p + 1
    if (bytes[p] !== 0x2c) return -1
    p = skipWhitespace(bytes, p + 1)
  }
}

/** Reads a string of plain ASCII in `bytes[start, end)`. */
export type StringReader = (bytes: FastBuffer, start: number, end: number) => string

const REMEMBERED = 128
const LONGEST_REMEMBERED = 20

/**
 * A reader for one field. Most fields say the same few things again and again: what was read lately is given again, without a new
 * string.
 */
export function stringReader(): StringReader {
  const remembered = new Array<string>(REMEMBERED).fill('')
  return (bytes, start, end) => {
    const length = end - start
    if (length === 0) return ''
    if (length > LONGEST_REMEMBERED) return bytes.latin1Slice(start, end)
    const first = bytes[start] as number
    const last = bytes[end - 1] as number
    const middle = bytes[(start + end) >> 1] as number
    const place = (first * 7 + middle * 31 + last * 61 + length) & (REMEMBERED - 1)
    const known = remembered[place] as string
    if (known.length === length) {
      let i = 0
      while (i < length && known.charCodeAt(i) === bytes[start + i]) i++
      if (i === length) return known
    }
    const text = bytes.latin1Slice(start, end)
    remembered[place] = text
    return text
  }
}
