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
  return code.compile(`return function decodeJson(b, p, end) {
  let q = 0, c = 0
  view(b)
  if (b[p] <= 32) p = skipWhitespace(b, p)
${value.code}
  while (p < end && (b[p] === 32 || b[p] === 10 || b[p] === 13 || b[p] === 9)) p++
  return p === end ? ${value.name} : undefined
}`)
}

interface ValueCode {
  readonly name: string
  readonly code: string
}

/** Of the properties of one object, code for each. */
export interface Variables {
  readonly fields: readonly string[]
  readonly declarations: string
  /** Notes that the property was there. */
  readonly marks: readonly string[]
  /** Tells whether it was. */
  readonly marked: readonly string[]
  /** Returns unless all were there that must be. */
  readonly required: string
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

export class DecoderCode {
  readonly #strings: StringReader[] = []
  readonly #rules: Rule[] = []
  readonly #kept: Shape[] = []
  #names = 0
  /** What comes behind each step that could lead out of the record. */
  protected readonly stop: string = ''

  /** Makes a decoder of code that returns one, with what it refers to. */
  compile(body: string, more: Readonly<Record<string, unknown>> = {}): Decoder {
    const source = `'use strict'
${this.#strings.map((_, at) => `const string${at} = strings[${at}]`).join('\n')}
${this.#rules.map((_, at) => `const keeps${at} = rules[${at}].isKept`).join('\n')}
${body}`
    const runtime = {
      found,
      LITERAL,
      parse,
      plainEnd,
      readNumber,
      readString,
      skipValue,
      skipWhitespace,
      view,
      ...more,
    }
    const names = [...Object.keys(runtime), 'strings', 'rules', 'keep']
    const make = new Function(...names, source) as (...given: unknown[]) => Decoder
    const keep = this.#kept.map((shape) => (value: unknown) => pick(shape, value))
    return make(...Object.values(runtime), this.#strings, this.#rules, keep)
  }

  value(shape: Shape): ValueCode {
    const name = this.name('v')
    return { name, code: `let ${name} = ${initial[shape.kind]}\n${this.read(shape, name)}` }
  }

  protected name(prefix: string): string {
    return `${prefix}${this.#names++}`
  }

  /** Reads a value at `p` into the variable, and moves `p` behind it. */
  protected read(shape: Shape, target: string): string {
    switch (shape.kind) {
      case 'string':
        return `${this.string(target)}\n${this.#unless(shape.rule, target)}`
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
        return `if (${word('null')}) { ${target} = null; p += 4 } else {\n${this.read(shape.inner, target)}\n}`
      case 'array':
        return this.#array(shape, target)
      case 'object':
        return this.object(shape, target)
      case 'any':
        return this.#any(shape, target)
    }
  }

  #unless(rule: Rule | null, target: string): string {
    return rule === null ? '' : `if (!keeps${this.#rules.push(rule) - 1}(${target})) return undefined`
  }

  #any({ rule, kept }: AnyShape, target: string): string {
    const keep = kept === null ? '' : `${target} = keep[${this.#kept.push(kept) - 1}](${target})`
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
    return [this.digits(target, isInteger), unkept, this.#unless(rule, target)].join('\n')
  }

  protected digits(target: string, isInteger: boolean): string {
    return digits(target, isInteger)
  }

  protected string(target: string): string {
    const reader = this.#strings.push(stringReader()) - 1
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
    const list = this.name('list')
    const item = this.value(items)
    return `if (b[p++] !== 91) return undefined
const ${list} = []
if (b[p] <= 32) p = skipWhitespace(b, p)
${this.stop}
if (b[p] === 93) p++
else for (;;) {
${item.code}
  ${this.stop}
  ${list}.push(${item.name})
  if (b[p] <= 32) p = skipWhitespace(b, p)
  c = b[p++]
  if (c === 93) break
  if (c !== 44) return undefined
  if (b[p] <= 32) p = skipWhitespace(b, p)
  ${this.stop}
}
${least > 0 ? `if (${list}.length < ${least}) return undefined` : ''}
${most < Infinity ? `if (${list}.length > ${most}) return undefined` : ''}
${target} = ${list}`
  }

  protected object(shape: ObjectShape, target: string): string {
    const { properties } = shape
    const variables = this.variables(properties)
    const { fields, declarations, marks, required } = variables
    const known = this.name('known')
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
        ${marks[at]}
${this.read(inner, fields[at] as string)}
        break ${known}
      }`
      })
      return `case ${first}:\n${tests.join('\n')}\nbreak`
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
${required}
${this.literal(properties, variables, target)}`
  }

  protected variables(properties: readonly PropertyShape[]): Variables {
    const fields = properties.map(() => this.name('f'))
    const masks = Array.from({ length: Math.ceil(properties.length / BITS) }, () => this.name('has'))
    const declarations = [
      ...properties.map(({ shape }, at) => `let ${fields[at]} = ${initial[shape.kind]}`),
      ...masks.map((mask) => `let ${mask} = 0`),
    ]
    const required = masks.map((mask, index) => {
      const bits = properties.reduce(
        (sum, { isOptional }, at) => (Math.floor(at / BITS) === index && !isOptional ? sum | (1 << (at % BITS)) : sum),
        0,
      )
      return bits === 0 ? '' : `if ((${mask} & ${bits}) !== ${bits}) return undefined`
    })
    return {
      fields,
      declarations: declarations.join('\n'),
      marks: properties.map((_, at) => `${masks[Math.floor(at / BITS)]} |= ${1 << (at % BITS)}`),
      marked: properties.map((_, at) => `${masks[Math.floor(at / BITS)]} & ${1 << (at % BITS)}`),
      required: required.join('\n'),
    }
  }

  /** An absent property must be absent from the object too, and objects that hold the same should have one hidden class. */
  protected literal(properties: readonly PropertyShape[], { fields, marked }: Variables, target: string): string {
    const optional = [...properties.keys()].filter((at) => properties[at]?.isOptional)
    const literal = (isPresent: (at: number) => boolean): string => {
      const entries = [...properties.keys()].filter(isPresent).map((at) => `${quoted(properties[at])}: ${fields[at]}`)
      return `${target} = { ${entries.join(', ')} }`
    }
    const combinations = (rest: readonly number[], present: ReadonlySet<number>): string => {
      const [at, ...others] = rest
      if (at === undefined) return literal((own) => !properties[own]?.isOptional || present.has(own))
      return `if (${marked[at]}) {\n${combinations(others, new Set([...present, at]))}\n} else {\n${combinations(others, present)}\n}`
    }
    if (optional.length <= MOST_COMBINED) return combinations(optional, new Set())
    const assigned = optional.map((at) => `if (${marked[at]}) ${target}[${quoted(properties[at])}] = ${fields[at]}`)
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
function digits(target: string, isInteger: boolean): string {
  return `{
  const start = p
  c = b[p]
  const isNegative = c === 45
  if (isNegative) c = b[++p]
  const first = p
  let n = 0
  while (c >= 48 && c <= 57) { n = n * 10 + (c - 48); c = b[++p] }
${numberEnd(target, isInteger)}
}`
}

/** Behind the digits from `first` to `p`, which make `n`, of a number from `start` on; `c` comes next. */
export function numberEnd(target: string, isInteger: boolean): string {
  return `if (p === first || (b[first] === 48 && p - first > 1)) return undefined
  if (p - first > 15 || c === 46 || c === 101 || c === 69) {
    p = readNumber(b, start)
    if (p < 0) return undefined
    n = found.number
    ${isInteger ? 'if (!Number.isInteger(n)) return undefined' : ''}
  } else if (isNegative) n = -n
  ${target} = n`
}
