import { DecodeError } from '@millrace/core'
import { type Condition, meets } from '@millrace/core/spi'

const QUOTE = 34
const COMMA = 44
const COLON = 58
const BACKSLASH = 92
const OPEN_BRACKET = 91
const CLOSE_BRACKET = 93
const OPEN_BRACE = 123
const CLOSE_BRACE = 125
const SPACE = 32
/** No end was found. */
const NONE = -1

/** Decodes a line of JSON; undefined for a record that does not meet the conditions. */
export type DecodeFields = (bytes: Buffer, start: number, end: number) => unknown

/**
 * Decodes these top-level fields only: of the others no more is looked at than where they end, and a record that does not meet the
 * conditions is left as soon as the fields of these are decoded. What is no object, or is written in an unusual way, is decoded as a
 * whole.
 *
 * @param fields null for all of them
 */
export function jsonFields(fields: readonly string[] | null, conditions: readonly Condition[]): DecodeFields {
  const holds = conditions.map(meets)
  const isMet = (record: unknown): boolean => holds.every((one) => one(record))
  const whole: DecodeFields = (bytes, start, end) => {
    const value: unknown = parse(bytes.toString('utf8', start, end))
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    if (!isMet(value)) return undefined
    return fields === null ? value : picked(value as Record<string, unknown>, fields)
  }
  // This one has a meaning of its own in an object.
  if (fields === null || fields.includes('__proto__')) return whole
  const tested = new Set(conditions.map(({ field }) => field))
  const names = [...fields.filter((name) => tested.has(name)), ...fields.filter((name) => !tested.has(name))]
  const firstUntested = names.filter((name) => tested.has(name)).length
  const places = new FieldPlaces(names)
  return (bytes, start, end) => {
    if (!places.find(bytes, start, end)) return whole(bytes, start, end)
    const record: Record<string, unknown> = {}
    for (let at = 0; at < names.length; at++) {
      if (at === firstUntested && !isMet(record)) return undefined
      const from = places.starts[at] as number
      if (from !== NONE) record[names[at] as string] = decoded(bytes, from, places.ends[at] as number)
    }
    return firstUntested < names.length || isMet(record) ? record : undefined
  }
}

function picked(value: Record<string, unknown>, fields: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(fields.filter((name) => Object.hasOwn(value, name)).map((name) => [name, value[name]]))
}

function decoded(bytes: Buffer, start: number, end: number): unknown {
  return parse(bytes.toString('utf8', start, end))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new DecodeError(`${text.length} characters are not JSON: ${(cause as Error).message}`, { cause })
  }
}

/** Where the values of some fields of an object are, in the order of their names; of a field that is there twice the last one counts. */
class FieldPlaces {
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly #names: readonly Buffer[]

  constructor(names: readonly string[]) {
    this.starts = new Int32Array(names.length)
    this.ends = new Int32Array(names.length)
    this.#names = names.map((name) => Buffer.from(name))
  }

  /** False for what is no object, or has a name with an escape, or is not right. */
  find(bytes: Buffer, start: number, end: number): boolean {
    this.starts.fill(NONE)
    let at = pastSpace(bytes, start, end)
    if (at >= end || bytes[at] !== OPEN_BRACE) return false
    at = pastSpace(bytes, at + 1, end)
    if (at < end && bytes[at] === CLOSE_BRACE) return pastSpace(bytes, at + 1, end) === end
    while (at < end && bytes[at] === QUOTE) {
      const name = at + 1
      at = name
      while (at < end && bytes[at] !== QUOTE) if (bytes[at++] === BACKSLASH) return false
      const field = this.#fieldOf(bytes, name, at)
      at = pastSpace(bytes, at + 1, end)
      if (at >= end || bytes[at] !== COLON) return false
      const value = pastSpace(bytes, at + 1, end)
      at = pastValue(bytes, value, end)
      if (at === NONE) return false
      if (field !== NONE) {
        this.starts[field] = value
        this.ends[field] = at
      }
      at = pastSpace(bytes, at, end)
      if (at < end && bytes[at] === CLOSE_BRACE) return pastSpace(bytes, at + 1, end) === end
      if (at >= end || bytes[at] !== COMMA) return false
      at = pastSpace(bytes, at + 1, end)
    }
    return false
  }

  #fieldOf(bytes: Buffer, start: number, end: number): number {
    const names = this.#names
    for (let field = 0; field < names.length; field++) {
      const name = names[field] as Buffer
      if (name.length === end - start && isAt(bytes, start, name)) return field
    }
    return NONE
  }
}

function isAt(bytes: Buffer, start: number, name: Buffer): boolean {
  for (let at = 0; at < name.length; at++) if (bytes[start + at] !== name[at]) return false
  return true
}

/** JSON's white space: space, tab, line feed, carriage return. */
function pastSpace(bytes: Buffer, start: number, end: number): number {
  let at = start
  for (; at < end; at++) {
    const byte = bytes[at] as number
    if (byte !== SPACE && byte !== 9 && byte !== 10 && byte !== 13) break
  }
  return at
}

function pastString(bytes: Buffer, start: number, end: number): number {
  for (let at = start + 1; at < end; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) return at + 1
    if (byte === BACKSLASH) at++
  }
  return NONE
}

/** Behind the value that begins here, or `NONE` where it does not end. */
function pastValue(bytes: Buffer, start: number, end: number): number {
  let depth = 0
  for (let at = start; at < end; ) {
    const byte = bytes[at]
    if (byte === QUOTE) {
      at = pastString(bytes, at, end)
      if (at === NONE || depth === 0) return at
      continue
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (depth === 0) return at === start ? NONE : at
      if (--depth === 0) return at + 1
    } else if (depth === 0 && (byte === COMMA || (byte as number) <= SPACE)) return at === start ? NONE : at
    at++
  }
  return NONE
}
