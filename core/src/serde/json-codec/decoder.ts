import {
  found,
  parse,
  readNumber,
  readString,
  type StringReader,
  skipValue,
  skipWhitespace,
  stringReader,
} from './reading.ts'
import type { Rule } from './rule.ts'
import { LITERAL, plainEnd, view } from './scanning.ts'
import type { AnyShape, ArrayShape, NumberShape, ObjectShape, PropertyShape, Shape } from './shape.ts'
import { pick } from './shape.ts'

/** Gives undefined for bytes that it does not understand; whether they are wrong is for the slow way to say. */
export type Decoder = (bytes: Buffer, start: number, end: number) => unknown

/** Presence of properties is kept in bits, so many to a variable. */
const BITS = 30
/** Objects with so many optional properties at most are made by a literal for each combination of them. */
const MOST_COMBINED = 3

/**
 * Generates the code that decodes one shape in one pass over the bytes, into object literals. Only the names of properties come
 * from outside, and only as JSON string literals and numbers.
 */
export function generateDecoder(shape: Shape): Decoder {
  if (shape.kind !== 'object' && shape.kind !== 'array') return () => undefined
  const code = new DecoderCode()
  const value = code.value(shape)
  const source = `'use strict'
${code.strings.map((_, at) => `const string${at} = strings[${at}]`).join('\n')}
${code.rules.map((_, at) => `const keeps${at} = rules[${at}].isKept`).join('\n')}
return function decodeJson(b, p, end) {
  let q = 0, c = 0
  view(b)
  if (b[p] <= 32) p = skipWhitespace(b, p)
${value.code}
  while (p < end && (b[p] === 32 || b[p] === 10 || b[p] === 13 || b[p] === 9)) p++
  return p === end ? ${value.name} : undefined
}`
  const runtime = { found, LITERAL, parse, plainEnd, readNumber, readString, skipValue, skipWhitespace, view }
  const names = [...Object.keys(runtime), 'strings', 'rules', 'keep']
  const make = new Function(...names, source) as (...given: unknown[]) => Decoder
  const keep = code.kept.map((shape) => (value: unknown) => pick(shape, value))
  return make(...Object.values(runtime), code.strings, code.rules, keep)
}

interface ValueCode {
  readonly name: string
  readonly code: string
}

/** What a variable holds before its value is read: of the type that it will have. */
const initial: Readonly<Record<Shape['kind'], string>> = {
  string: "''",
  number: '0',
  boolean: 'false',
  null: 'null',
  nullable: 'null',
  array: 'null',
  object: 'null',
  any: 'null',
}

class DecoderCode {
  readonly strings: StringReader[] = []
  readonly rules: Rule[] = []
  readonly kept: Shape[] = []
  #names = 0

  value(shape: Shape): ValueCode {
    const name = this.#name('v')
    return { name, code: `let ${name} = ${initial[shape.kind]}\n${this.#read(shape, name)}` }
  }

  #name(prefix: string): string {
    return `${prefix}${this.#names++}`
  }

  /** Reads a value at `p` into the variable, and moves `p` behind it. */
  #read(shape: Shape, target: string): string {
    switch (shape.kind) {
      case 'string':
        return `${this.#string(target)}\n${this.#unless(shape.rule, target)}`
      case 'number':
        return this.#number(shape, target)
      case 'boolean':
        return `if (${word('true')}) { ${target} = true; p += 4 }
else if (${word('false')}) { ${target} = false; p += 5 }
else return undefined
${this.#unless(shape.rule, target)}`
      case 'null':
        return `if (${word('null')}) { ${target} = null; p += 4 } else return undefined`
      case 'nullable':
        return `if (${word('null')}) { ${target} = null; p += 4 } else {\n${this.#read(shape.inner, target)}\n}`
      case 'array':
        return this.#array(shape, target)
      case 'object':
        return this.#object(shape, target)
      case 'any':
        return this.#any(shape, target)
    }
  }

  #unless(rule: Rule | null, target: string): string {
    return rule === null ? '' : `if (!keeps${this.rules.push(rule) - 1}(${target})) return undefined`
  }

  #any({ rule, kept }: AnyShape, target: string): string {
    const keep = kept === null ? '' : `${target} = keep[${this.kept.push(kept) - 1}](${target})`
    return `q = skipValue(b, p, 0)
if (q < 0) return undefined
${target} = parse(b, p, q)
if (${target} === undefined) return undefined
${this.#unless(rule, target)}
${keep}
p = q`
  }

  #number({ isInteger, limits, rule }: NumberShape, target: string): string {
    const kept = limits.map(({ comparison, bound }) => `${target} ${comparison} ${bound}`)
    const unkept = kept.length === 0 ? '' : `if (!(${kept.join(' && ')})) return undefined`
    return [number(target, isInteger), unkept, this.#unless(rule, target)].join('\n')
  }

  #string(target: string): string {
    const reader = this.strings.push(stringReader()) - 1
    return `if (b[p] !== 34) return undefined
q = plainEnd(b, p + 1, end)
if (b[q] === 34) { ${target} = string${reader}(b, p + 1, q); p = q + 1 }
else {
  ${target} = readString(b, p)
  if (${target} === undefined) return undefined
  p = found.at
}`
  }

  #array({ items, least, most }: ArrayShape, target: string): string {
    const list = this.#name('list')
    const item = this.value(items)
    return `if (b[p++] !== 91) return undefined
const ${list} = []
if (b[p] <= 32) p = skipWhitespace(b, p)
if (b[p] === 93) p++
else for (;;) {
${item.code}
  ${list}.push(${item.name})
  if (b[p] <= 32) p = skipWhitespace(b, p)
  c = b[p++]
  if (c === 93) break
  if (c !== 44) return undefined
  if (b[p] <= 32) p = skipWhitespace(b, p)
}
${least > 0 ? `if (${list}.length < ${least}) return undefined` : ''}
${most < Infinity ? `if (${list}.length > ${most}) return undefined` : ''}
${target} = ${list}`
  }

  #object(shape: ObjectShape, target: string): string {
    const { properties } = shape
    const fields = properties.map(() => this.#name('f'))
    const masks = Array.from({ length: Math.ceil(properties.length / BITS) }, () => this.#name('has'))
    const bit = (at: number): string => `${masks[Math.floor(at / BITS)]} & ${1 << (at % BITS)}`
    const declarations = [
      ...properties.map(({ shape: inner }, at) => `let ${fields[at]} = ${initial[inner.kind]}`),
      ...masks.map((mask) => `let ${mask} = 0`),
    ].join('\n')
    const known = this.#name('known')
    const unknown = shape.isClosed
      ? 'return undefined'
      : `while (p < end && LITERAL[b[p]] === 1) p++
    if (b[p++] !== 34) return undefined
    ${colon}
    p = skipValue(b, p, 0)
    if (p < 0) return undefined`
    const cases = [...Map.groupBy(properties.keys(), (at) => (properties[at] as PropertyShape).name.charCodeAt(0))]
    const matched = cases.map(([first, ats]) => {
      const tests = [...ats].map((at) => {
        const { name, shape: inner } = properties[at] as PropertyShape
        return `if (${isName(name)}) {
        p += ${name.length + 1}
        ${colon}
        ${masks[Math.floor(at / BITS)]} |= ${1 << (at % BITS)}
${this.#read(inner, fields[at] as string)}
        break ${known}
      }`
      })
      return `case ${first}:\n${tests.join('\n')}\nbreak`
    })
    const required = masks.map((mask, index) => {
      const bits = properties.reduce(
        (sum, { isOptional }, at) => (Math.floor(at / BITS) === index && !isOptional ? sum | (1 << (at % BITS)) : sum),
        0,
      )
      return bits === 0 ? '' : `if ((${mask} & ${bits}) !== ${bits}) return undefined`
    })
    return `if (b[p++] !== 123) return undefined
${declarations}
if (b[p] <= 32) p = skipWhitespace(b, p)
if (b[p] === 125) p++
else for (;;) {
  if (b[p++] !== 34) return undefined
  ${known}: {
    switch (b[p]) {
${matched.join('\n')}
    }
    ${unknown}
  }
  if (b[p] <= 32) p = skipWhitespace(b, p)
  c = b[p++]
  if (c === 125) break
  if (c !== 44) return undefined
  if (b[p] <= 32) p = skipWhitespace(b, p)
}
${required.join('\n')}
${this.#literal(properties, fields, bit, target)}`
  }

  /** An absent property must be absent from the object too, and objects that hold the same should have one hidden class. */
  #literal(
    properties: readonly PropertyShape[],
    fields: readonly string[],
    bit: (at: number) => string,
    target: string,
  ): string {
    const optional = [...properties.keys()].filter((at) => properties[at]?.isOptional)
    const literal = (isPresent: (at: number) => boolean): string => {
      const entries = [...properties.keys()].filter(isPresent).map((at) => `${quoted(properties[at])}: ${fields[at]}`)
      return `${target} = { ${entries.join(', ')} }`
    }
    const combinations = (rest: readonly number[], present: ReadonlySet<number>): string => {
      const [at, ...others] = rest
      if (at === undefined) return literal((own) => !properties[own]?.isOptional || present.has(own))
      return `if (${bit(at)}) {\n${combinations(others, new Set([...present, at]))}\n} else {\n${combinations(others, present)}\n}`
    }
    if (optional.length <= MOST_COMBINED) return combinations(optional, new Set())
    const assigned = optional.map((at) => `if (${bit(at)}) ${target}[${quoted(properties[at])}] = ${fields[at]}`)
    return [literal((at) => !properties[at]?.isOptional), ...assigned].join('\n')
  }
}

const colon = `if (b[p] !== 58) { p = skipWhitespace(b, p); if (b[p] !== 58) return undefined }
    p++
    if (b[p] <= 32) p = skipWhitespace(b, p)`

function quoted(property: PropertyShape | undefined): string {
  return JSON.stringify(property?.name)
}

/** Whether the name stands at `p`, with its closing quote; its first character is known to. */
function isName(name: string): string {
  const rest = [...name].slice(1).map((char, at) => `b[p + ${at + 1}] === ${char.charCodeAt(0)}`)
  return [...rest, `b[p + ${name.length}] === 34`].join(' && ')
}

function word(text: string): string {
  return [...text].map((char, at) => `b[p${at === 0 ? '' : ` + ${at}`}] === ${char.charCodeAt(0)}`).join(' && ')
}

/** Whole numbers of up to 15 digits are read here, the others by a function. */
function number(target: string, isInteger: boolean): string {
  return `{
  const start = p
  c = b[p]
  const isNegative = c === 45
  if (isNegative) c = b[++p]
  const first = p
  let n = 0
  while (c >= 48 && c <= 57) { n = n * 10 + (c - 48); c = b[++p] }
  const digits = p - first
  if (digits === 0 || (digits > 1 && b[first] === 48)) return undefined
  if (digits > 15 || c === 46 || c === 101 || c === 69) {
    p = readNumber(b, start)
    if (p < 0) return undefined
    n = found.number
    ${isInteger ? 'if (!Number.isInteger(n)) return undefined' : ''}
  } else if (isNegative) n = -n
  ${target} = n
}`
}
