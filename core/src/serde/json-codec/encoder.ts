import type { ByteWriter } from '../byte-writer.ts'
import type { ObjectShape, Shape } from './shape.ts'
import { unfit, writeAny, writeInt32, writeNumber, writeString } from './writing.ts'

/** Appends the value. @throws ENCODE_FAILED with the path of what is not of the shape */
export type Encoder = (value: unknown, target: ByteWriter) => void

/** Room that a number of 32 bits needs beside the constant text before it. */
const NUMBER_BYTES = 12

/** Whether a comma goes in front of the next property: known when the code is made, or only when it runs. */
type Comma = 'no' | 'yes' | { readonly unless: string }

/** Generates the code that writes one shape: constant text byte by byte, numbers digit by digit, straight into the buffer. */
export function generateEncoder(shape: Shape): Encoder {
  const code = new EncoderCode()
  const body = code.value(shape, 'value', '')
  const source = `'use strict'
return function encodeJson(value, w) {
  let b = w.buffer, p = w.position
${body}
${code.flush()}
  w.position = p
}`
  const runtime = { unfit, writeAny, writeInt32, writeNumber, writeString }
  const make = new Function(...Object.keys(runtime), source) as (...given: unknown[]) => Encoder
  return make(...Object.values(runtime))
}

class EncoderCode {
  /** Constant text that was not written yet. */
  #text = ''
  #names = 0

  value(shape: Shape, value: string, path: string): string {
    const place = JSON.stringify(path)
    switch (shape.kind) {
      case 'string':
        return `${this.flush()}
if (typeof ${value} !== 'string') throw unfit(${place}, ${value}, 'a string')
${call(`writeString(w, ${value})`)}`
      case 'number': {
        const wrong = shape.isInteger ? `!Number.isInteger(${value})` : `${value} - ${value} !== 0`
        const expected = shape.isInteger ? 'a whole number' : 'a finite number'
        return `${this.flush(NUMBER_BYTES)}
if ((${value} | 0) === ${value}) p = writeInt32(b, p, ${value})
else {
  if (typeof ${value} !== 'number' || ${wrong}) throw unfit(${place}, ${value}, '${expected}')
  ${call(`writeNumber(w, ${value})`)}
}`
      }
      case 'boolean':
        return `${this.flush(5)}
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
        return this.#array(shape.items, value, path)
      case 'object':
        return this.#object(shape, value, path)
      case 'any':
        return `${this.flush()}\n${call(`writeAny(w, ${value}, ${place})`)}`
    }
  }

  /** Writes the constant text so far, with room for as many bytes behind it. */
  flush(room = 0): string {
    const text = this.#text
    this.#text = ''
    const bytes = Buffer.byteLength(text) + room
    return bytes === 0 ? '' : `${ensure(bytes)}\n${stores(text)}`
  }

  #name(prefix: string): string {
    return `${prefix}${this.#names++}`
  }

  #array(items: Shape, value: string, path: string): string {
    const index = this.#name('i')
    const item = this.#name('item')
    this.#text += '['
    const before = this.flush()
    const inner = this.value(items, item, `${path}/*`)
    const body = `${before}
if (!Array.isArray(${value})) throw unfit(${JSON.stringify(path)}, ${value}, 'an array')
for (let ${index} = 0; ${index} < ${value}.length; ${index}++) {
  if (${index} > 0) { ${ensure(1)}; b[p++] = 44 }
  const ${item} = ${value}[${index}]
${inner}
${this.flush()}
}`
    this.#text += ']'
    return body
  }

  #object({ properties }: ObjectShape, value: string, path: string): string {
    const lines = [
      `if (typeof ${value} !== 'object' || ${value} === null) throw unfit(${JSON.stringify(path)}, ${value}, 'an object')`,
    ]
    this.#text += '{'
    let comma: Comma = 'no'
    for (const { name, shape, isOptional } of properties) {
      const key = JSON.stringify(name)
      const own = this.#name('v')
      const place = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
      lines.push(`const ${own} = ${value}[${key}]`)
      if (!isOptional) {
        lines.push(this.#separate(comma), this.#property(key, shape, own, place))
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
      const inner = this.#property(key, shape, own, place)
      const done = typeof comma === 'object' ? `${comma.unless} = false` : ''
      lines.push(`if (${own} !== undefined) {\n${separator}\n${inner}\n${this.flush()}\n${done}\n}`)
    }
    this.#text += '}'
    return lines.join('\n')
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

function ensure(bytes: number): string {
  return `if (p + ${bytes} > b.length) { w.position = p; w.reserve(${bytes}); b = w.buffer }`
}

function stores(text: string): string {
  const bytes = Buffer.from(text)
  const writes = [...bytes].map((byte, at) => `b[p${at === 0 ? '' : ` + ${at}`}] = ${byte}`)
  return [...writes, `p += ${bytes.length}`].join('; ')
}

/** Code that works on the writer itself. */
function call(code: string): string {
  return `w.position = p; ${code}; b = w.buffer; p = w.position`
}
