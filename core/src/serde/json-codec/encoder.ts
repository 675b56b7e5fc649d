import type { ByteWriter } from '../byte-writer.ts'
import { arrayDemand, numberDemand, placeOf } from './demand.ts'
import type { Rule } from './rule.ts'
import type { ArrayShape, NumberShape, ObjectShape, PropertyShape, Shape } from './shape.ts'
import {
  INTEGER_BYTES,
  STRING_BYTES,
  UNIT_BYTES,
  unfit,
  unkept,
  writeAny,
  writeDecimal,
  writeEscaped,
  writeInt32,
  writePlain,
  writeSafeInteger,
} from './writing.ts'

/** Appends the value. @throws ENCODE_FAILED with the path of what is not of the shape */
export type Encoder = (value: unknown, target: ByteWriter) => void

/** Whether a comma goes in front of the next property: known when the code is made, or only when it runs. */
type Comma = 'no' | 'yes' | { readonly unless: string }

/** Generates the code that writes one shape: constant text byte by byte, numbers digit by digit, straight into the buffer. */
export function generateEncoder(shape: Shape): Encoder {
  const code = new EncoderCode()
  const body = code.value(shape, 'value', '')
  const source = `'use strict'
${code.rules.map((_, at) => `const keeps${at} = rules[${at}].isKept`).join('\n')}
return function encodeJson(value, w) {
  let b = w.buffer, view = w.view, p = w.position, q = 0
${body}
${code.flush()}
  w.position = p
}`
  const runtime = {
    unfit,
    unkept,
    writeAny,
    writeDecimal,
    writeEscaped,
    writeInt32,
    writePlain,
    writeSafeInteger,
    hasOwn: Object.hasOwn,
  }
  const make = new Function(...Object.keys(runtime), 'rules', 'shapes', source) as (...given: unknown[]) => Encoder
  return make(...Object.values(runtime), code.rules, code.shapes)
}

class EncoderCode {
  readonly rules: Rule[] = []
  readonly shapes: Shape[] = []
  /** Constant text that was not written yet. */
  #text = ''
  #names = 0

  value(shape: Shape, value: string, path: string): string {
    const place = JSON.stringify(path)
    switch (shape.kind) {
      case 'string':
        return `if (typeof ${value} !== 'string') throw unfit(${place}, ${value}, 'a string')
${this.#unless(shape.rule, value, place)}
${this.flush(STRING_BYTES, ` + ${value}.length * ${UNIT_BYTES}`)}
q = writePlain(b, view, p, ${value})
if (q < 0) { ${call(`writeEscaped(w, ${value})`)} } else p = q`
      case 'number':
        return this.#number(shape, value, place)
      case 'boolean':
        return `${this.flush(5)}
${this.#unless(shape.rule, value, place)}
if (${value} === true) { ${stores('true')} }
else if (${value} === false) { ${stores('false')} }
else throw unfit(${place}, ${value}, 'a boolean')`
      case 'null':
        this.#text += 'null'
        return `if (${value} !== null) throw unfit(${place}, ${value}, 'null')`
      case 'nullable': {
        const before = this.flush(4)
        const inner = this.value(shape.inner, value, path)
        return `${before}
if (${value} === null) { ${stores('null')} } else {
${inner}
${this.flush()}
}`
      }
      case 'array':
        return this.#array(shape, value, path)
      case 'object':
        return this.#object(shape, value, path)
      case 'any':
        return `${this.flush()}\n${call(`writeAny(w, shapes[${this.shapes.push(shape) - 1}], ${value}, ${place})`)}`
    }
  }

  #unless(rule: Rule | null, value: string, place: string): string {
    if (rule === null) return ''
    const at = this.rules.push(rule) - 1
    return `if (!keeps${at}(${value})) throw unkept(${place}, ${value}, rules[${at}])`
  }

  #number(shape: NumberShape, value: string, place: string): string {
    const { isInteger, limits, rule } = shape
    const demand = JSON.stringify(numberDemand(shape))
    const kept = limits.map(({ comparison, bound }) => `${value} ${comparison} ${bound}`)
    const isWhole = `(${value} | 0) === ${value}`
    const isRight = isInteger ? `Number.isInteger(${value})` : `${value} - ${value} === 0`
    return `${this.flush(INTEGER_BYTES)}
if (typeof ${value} !== 'number') throw unfit(${place}, ${value}, ${demand})
${kept.length === 0 ? '' : `if (!(${kept.join(' && ')})) throw unfit(${place}, ${value}, ${demand})`}
${this.#unless(rule, value, place)}
if (${isWhole}) p = writeInt32(view, p, ${value})
else if (Number.isSafeInteger(${value})) p = writeSafeInteger(view, p, ${value})
else {
  if (!(${isRight})) throw unfit(${place}, ${value}, ${demand})
  ${call(`writeDecimal(w, ${value})`)}
}`
  }

  /** Writes the constant text so far, with room for as many bytes behind it, and for what only runs tell. */
  flush(room = 0, more = ''): string {
    const text = this.#text
    this.#text = ''
    const bytes = Buffer.byteLength(text) + room
    return bytes === 0 ? '' : `${ensure(bytes, more)}\n${stores(text)}`
  }

  #name(prefix: string): string {
    return `${prefix}${this.#names++}`
  }

  #array(shape: ArrayShape, value: string, path: string): string {
    const { items, least, most } = shape
    const place = JSON.stringify(path)
    const isTooShort = least > 0 ? ` || ${value}.length < ${least}` : ''
    const isTooLong = most < Infinity ? ` || ${value}.length > ${most}` : ''
    const index = this.#name('i')
    const item = this.#name('item')
    this.#text += '['
    const before = this.flush()
    const inner = this.value(items, item, `${path}/*`)
    const body = `${before}
if (!Array.isArray(${value})${isTooShort}${isTooLong}) throw unfit(${place}, ${value}, '${arrayDemand(shape)}')
for (let ${index} = 0; ${index} < ${value}.length; ${index}++) {
  if (${index} > 0) { ${ensure(1)}; b[p++] = 44 }
  const ${item} = ${value}[${index}]
${inner}
${this.flush()}
}`
    this.#text += ']'
    return body
  }

  #object({ properties, isClosed }: ObjectShape, value: string, path: string): string {
    const lines = [
      `if (typeof ${value} !== 'object' || ${value} === null || Array.isArray(${value})) throw unfit(${JSON.stringify(path)}, ${value}, 'an object')`,
      isClosed ? this.#closed(properties, value, path) : '',
      hasRequired(properties)
        ? ''
        : `if (typeof ${value}.toJSON === 'function') throw unfit(${JSON.stringify(path)}, ${value}, 'a plain object')`,
    ]
    this.#text += '{'
    let comma: Comma = 'no'
    for (const { name, shape, isOptional } of properties) {
      const key = JSON.stringify(name)
      const field = this.#name('v')
      const place = placeOf(path, name)
      // What every object inherits is none of its fields.
      const own =
        name in Object.prototype ? `hasOwn(${value}, ${key}) ? ${value}[${key}] : undefined` : `${value}[${key}]`
      lines.push(`const ${field} = ${own}`)
      if (!isOptional) {
        lines.push(this.#separate(comma), this.#property(key, shape, field, place))
        comma = 'yes'
        continue
      }
      lines.push(this.flush())
      if (comma === 'no') {
        const first = this.#name('first')
        lines.push(`let ${first} = true`)
        comma = { unless: first }
      }
      const separator = this.#separate(comma)
      const inner = this.#property(key, shape, field, place)
      const done = typeof comma === 'object' ? `${comma.unless} = false` : ''
      lines.push(`if (${field} !== undefined) {\n${separator}\n${inner}\n${this.flush()}\n${done}\n}`)
    }
    this.#text += '}'
    return lines.join('\n')
  }

  /** Nothing may stand in the object that would not be written. */
  #closed(properties: readonly PropertyShape[], value: string, path: string): string {
    const name = this.#name('name')
    const declared = properties.map((property) => `case ${JSON.stringify(property.name)}:`)
    return `for (const ${name} in ${value}) {
  switch (${name}) {
    ${declared.length === 0 ? '' : `${declared.join(' ')} continue`}
  }
  if (hasOwn(${value}, ${name}) && ${value}[${name}] !== undefined) throw unfit(${JSON.stringify(`${path}/`)} + ${name}, ${value}[${name}], 'no such field')
}`
  }

  #separate(comma: Comma): string {
    if (comma === 'yes') this.#text += ','
    return typeof comma === 'object' ? `${this.flush()}\nif (!${comma.unless}) { ${ensure(1)}; b[p++] = 44 }` : ''
  }

  #property(key: string, shape: Shape, value: string, path: string): string {
    this.#text += `${key}:`
    return this.value(shape, value, path)
  }
}

/** Without any field that must be there, a Date would be an object too. */
export function hasRequired(properties: readonly PropertyShape[]): boolean {
  return properties.some(({ isOptional }) => !isOptional)
}

/** Constant text is written eight bytes at a time, the last of which may be nothing that stays. */
const SPARE = 8

function ensure(bytes: number, more = ''): string {
  return `if (p + ${bytes + SPARE}${more} > b.length) { w.position = p; w.reserve(${bytes + SPARE}${more}); b = w.buffer; view = w.view }`
}

function stores(text: string): string {
  const bytes = Buffer.from(text)
  const writes: string[] = []
  let at = 0
  while (bytes.length - at > 3) {
    const eight = Buffer.alloc(8)
    bytes.copy(eight, 0, at)
    writes.push(`view.setFloat64(p + ${at}, ${eight.readDoubleLE()}, true)`)
    at += 8
  }
  for (; at < bytes.length; at++) writes.push(`b[p + ${at}] = ${bytes[at]}`)
  return [...writes, `p += ${bytes.length}`].join('; ')
}

/** Code that works on the writer itself. */
function call(code: string): string {
  return `w.position = p; ${code}; b = w.buffer; view = w.view; p = w.position`
}
