import { StreamError } from '../../errors.ts'
import type { ByteWriter } from '../byte-writer.ts'
import type { FastBuffer } from './fast-buffer.ts'
import type { Rule } from './rule.ts'
import { isPlain, PLAIN } from './scanning.ts'
import { type AnyShape, pick } from './shape.ts'

/** Strings up to this length are written character by character; beyond, a native call is quicker. */
const SHORT = 20
const BILLION = 1_000_000_000
/** The two digits of each number below a hundred. */
const TENS = Uint8Array.from({ length: 100 }, (_, n) => 0x30 + Math.floor(n / 10))
const ONES = Uint8Array.from({ length: 100 }, (_, n) => 0x30 + (n % 10))

/** A string with its quotes, as JSON.stringify writes it. */
export function writeString(target: ByteWriter, text: string): void {
  const { length } = text
  const at = target.reserve(length * 3 + 2)
  const buffer = target.buffer as FastBuffer
  let p = at
  buffer[p++] = 0x22
  if (length <= SHORT) {
    for (let i = 0; i < length; i++) {
      const c = text.charCodeAt(i)
      if (PLAIN[c] !== 1) {
        writeEscaped(target, text)
        return
      }
      buffer[p++] = c
    }
  } else {
    p += buffer.utf8Write(text, p)
    // Longer than the text: of more than ASCII, with lone surrogates perhaps.
    if (p - at - 1 !== length || !isPlain(buffer, target.words, at + 1, p)) {
      writeEscaped(target, text)
      return
    }
  }
  buffer[p++] = 0x22
  target.position = p
}

function writeEscaped(target: ByteWriter, text: string): void {
  target.writeUtf8(JSON.stringify(text))
}

/** A whole number of 32 bits; there must be room for eleven characters. Gives the position behind it. */
export function writeInt32(buffer: Buffer, at: number, value: number): number {
  if (value >= 0) return writeDigits(buffer, at, value)
  buffer[at] = 0x2d
  return writeDigits(buffer, at + 1, -value)
}

/** As many digits as it has, of a whole number from 0 to 2³². */
function writeDigits(buffer: Buffer, at: number, value: number): number {
  if (value < 10) {
    buffer[at] = 0x30 + value
    return at + 1
  }
  const end = at + digitsOf(value)
  let p = end
  let rest = value
  while (rest >= 100) {
    const quotient = (rest / 100) >>> 0
    const two = rest - quotient * 100
    buffer[--p] = ONES[two] as number
    buffer[--p] = TENS[two] as number
    rest = quotient
  }
  buffer[--p] = ONES[rest] as number
  if (p > at) buffer[p - 1] = TENS[rest] as number
  return end
}

/** Any finite number, as JSON.stringify writes it. */
export function writeNumber(target: ByteWriter, value: number): void {
  const at = target.reserve(32)
  const buffer = target.buffer as FastBuffer
  if (Number.isSafeInteger(value) && value !== 0) {
    let p = at
    let rest = value
    if (rest < 0) {
      buffer[p++] = 0x2d
      rest = -rest
    }
    const high = Math.floor(rest / BILLION)
    if (high === 0) {
      target.position = writeDigits(buffer, p, rest)
      return
    }
    p = writeDigits(buffer, p, high)
    // Nine digits, with the zeros in front.
    let low = (rest - high * BILLION) >>> 0
    for (let i = p + 8; i > p; i -= 2) {
      const quotient = (low / 100) >>> 0
      const two = low - quotient * 100
      buffer[i] = ONES[two] as number
      buffer[i - 1] = TENS[two] as number
      low = quotient
    }
    buffer[p] = 0x30 + low
    target.position = p + 9
    return
  }
  target.position = at + buffer.latin1Write(String(value), at)
}

function digitsOf(value: number): number {
  if (value < 100_000) return value < 100 ? 2 : value < 1_000 ? 3 : value < 10_000 ? 4 : 5
  if (value < 10_000_000) return value < 1_000_000 ? 6 : 7
  return value < 100_000_000 ? 8 : value < BILLION ? 9 : 10
}

/** Anything, as the language writes it. What is written is checked too: a Date or a Map is something else by then. */
export function writeAny(target: ByteWriter, { rule, kept }: AnyShape, value: unknown, path: string): void {
  const text = textOf(value, path)
  if (rule === null && kept === null) {
    target.writeUtf8(text)
    return
  }
  if (rule !== null && !rule.isKept(value)) throw unkept(path, value, rule)
  const written: unknown = JSON.parse(text)
  if (rule !== null && !rule.isKept(written)) throw unkept(path, written, rule)
  target.writeUtf8(kept === null ? text : JSON.stringify(pick(kept, written)))
}

function textOf(value: unknown, path: string): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw new StreamError(
      'ENCODE_FAILED',
      `${path === '' ? 'the value' : path} cannot be written as JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
  }
  if (text === undefined) throw unfit(path, value, 'a value that JSON can say')
  return text
}

/** What to throw for a value that breaks a rule of its schema. */
export function unkept(path: string, value: unknown, rule: Rule): StreamError {
  const place = path === '' ? 'the value' : `the value at ${path}`
  return new StreamError('ENCODE_FAILED', `${place} does not fit its schema: ${rule.complaint(value)}`)
}

/** What to throw for a value that is not of its schema. */
export function unfit(path: string, value: unknown, expected: string): StreamError {
  return new StreamError(
    'ENCODE_FAILED',
    `${path === '' ? 'the value' : path} is ${describe(value)}; its schema says ${expected}`,
  )
}

function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean')
    return String(value)
  if (Array.isArray(value)) return 'an array'
  if (typeof value !== 'string') return typeof value === 'object' ? 'an object' : `a ${typeof value}`
  return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
}
