import { StreamError } from '../../errors.ts'
import type { ByteWriter } from '../byte-writer.ts'
import type { FastBuffer } from './fast-buffer.ts'
import type { Rule } from './rule.ts'
import { isPlain } from './scanning.ts'
import { type AnyShape, pick } from './shape.ts'

/** Strings up to this length are written character by character; beyond, a native call is quicker. */
const SHORT = 14
/** Bytes that a string needs for each of its units at most, and beside them: quotes, and what is looked at behind it. */
export const UNIT_BYTES = 3
export const STRING_BYTES = 16
/** Bytes that a whole number needs, and any number; the last few may be nothing that stays. */
export const INTEGER_BYTES = 24
const NUMBER_BYTES = 40
const ZEROS = 0x30303030
const HUNDRED_MILLION = 100_000_000
const MILLION = 1_000_000
/** The two digits of each number below a hundred, as bytes of a word. */
const TWO_DIGITS = Int32Array.from({ length: 100 }, (_, n) => Math.floor(n / 10) | ((n % 10) << 8))

/** A string with its quotes, as JSON.stringify writes it. */
export function writeString(target: ByteWriter, text: string): void {
  const at = target.reserve(text.length * UNIT_BYTES + STRING_BYTES)
  const end = writePlain(target.buffer as FastBuffer, target.view, at, text)
  if (end < 0) writeEscaped(target, text)
  else target.position = end
}

/** A string of plain ASCII with its quotes, for which there must be room. Gives the position behind it; -1 for any other string. */
export function writePlain(buffer: FastBuffer, view: DataView, at: number, text: string): number {
  const { length } = text
  const start = at + 1
  const end = start + length
  let units = 0
  buffer[at] = 0x22
  if (length <= SHORT) {
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      units |= unit
      buffer[start + i] = unit
    }
    // Longer than the text: of more than ASCII, with lone surrogates perhaps.
  } else if (buffer.utf8Write(text, start) !== length) return -1
  if (units > 0x7f || !isPlain(view, start, end)) return -1
  buffer[end] = 0x22
  return end + 1
}

/** A string with characters that are escaped, or longer than a byte. */
export function writeEscaped(target: ByteWriter, text: string): void {
  target.writeUtf8(JSON.stringify(text))
}

/** A whole number of 32 bits, for which there must be room. Gives the position behind it. */
export function writeInt32(view: DataView, at: number, value: number): number {
  if (value >= 0) return writeDigits(view, at, value)
  view.setInt8(at, 0x2d)
  return writeDigits(view, at + 1, -value)
}

/** As many digits as it has, of a whole number from 0 to 2³¹. */
function writeDigits(view: DataView, at: number, value: number): number {
  if (value < 10_000) return writeFirst(view, at, value)
  if (value < HUNDRED_MILLION) {
    const high = (value / 10_000) | 0
    const p = writeFirst(view, at, high)
    view.setInt32(p, fourDigits(value - high * 10_000), true)
    return p + 4
  }
  const high = (value / HUNDRED_MILLION) | 0
  return writeEight(view, writeFirst(view, at, high), value - high * HUNDRED_MILLION)
}

/** A number below 10000, without zeros in front. */
function writeFirst(view: DataView, at: number, value: number): number {
  const zeros = 3 - (((9 - value) >>> 31) + ((99 - value) >>> 31) + ((999 - value) >>> 31))
  view.setInt32(at, fourDigits(value) >>> (zeros << 3), true)
  return at + 4 - zeros
}

/** Eight digits, with the zeros in front. */
function writeEight(view: DataView, at: number, value: number): number {
  const high = (value / 10_000) | 0
  view.setInt32(at, fourDigits(high), true)
  view.setInt32(at + 4, fourDigits(value - high * 10_000), true)
  return at + 8
}

/** The digits of a number below 10000, as bytes of a word. */
function fourDigits(value: number): number {
  const high = (value / 100) | 0
  return (TWO_DIGITS[high] as number) | ((TWO_DIGITS[value - high * 100] as number) << 16) | ZEROS
}

/** Any finite number, as JSON.stringify writes it. */
export function writeNumber(target: ByteWriter, value: number): void {
  if (!Number.isSafeInteger(value)) {
    writeDecimal(target, value)
    return
  }
  const at = target.reserve(INTEGER_BYTES)
  target.position = writeSafeInteger(target.view, at, value)
}

/** A finite number that is no safe integer, as JSON.stringify writes it. */
export function writeDecimal(target: ByteWriter, value: number): void {
  const at = target.reserve(NUMBER_BYTES)
  const end = writeShortDecimal(target.view, at, value)
  target.position = end > 0 ? end : at + (target.buffer as FastBuffer).latin1Write(String(value), at)
}

/**
 * A number with at most six decimals and fifteen digits. Among so few digits no two decimals are the same double, so the one that
 * divides to the number is the shortest that reads as it. Its text is made without the engine's, which costs ten times as much and
 * leaves each text in a cache. Gives the position behind it, -1 for any other number.
 */
function writeShortDecimal(view: DataView, at: number, value: number): number {
  const size = Math.abs(value)
  const millionths = Math.round(size * MILLION)
  if (!(millionths < 1e15 && millionths / MILLION === size)) return -1
  const whole = Math.floor(millionths / MILLION)
  const decimals = millionths - whole * MILLION
  let p = at
  if (value < 0) view.setInt8(p++, 0x2d)
  p = writeDigits(view, p, whole)
  view.setInt8(p, 0x2e)
  const high = (decimals / 10_000) | 0
  view.setInt16(p + 1, (TWO_DIGITS[high] as number) | 0x3030, true)
  view.setInt32(p + 3, fourDigits(decimals - high * 10_000), true)
  p += 7
  while (view.getInt8(p - 1) === 0x30) p--
  return p
}

/** A whole number that a double holds exactly, for which there must be room. Gives the position behind it. */
export function writeSafeInteger(view: DataView, at: number, value: number): number {
  let p = at
  // Minus zero is written as zero.
  let rest = value
  if (rest < 0) {
    view.setInt8(p++, 0x2d)
    rest = -rest
  }
  const high = Math.floor(rest / HUNDRED_MILLION) | 0
  const low = (rest - high * HUNDRED_MILLION) | 0
  return high === 0 ? writeDigits(view, p, low) : writeEight(view, writeDigits(view, p, high), low)
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
