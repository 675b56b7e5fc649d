import { type Decoder, DecoderCode, numberEnd } from './decoder.ts'
import { memoryView } from './scanning.ts'
import type { ObjectShape, Shape } from './shape.ts'
import { LONGEST_REMEMBERED, recall, stringMemory } from './string-memory.ts'

/*
 * Most records of a topic come from one program, which writes the same properties in the same order, usually that of the schema.
 * The code made here expects it so: instead of finding out which property it has before it, it compares the bytes with those of
 * the next one; and it looks at strings and digits in words of four bytes, wherever they begin. Whatever is otherwise makes it
 * give up, and the record is decoded by the code that takes any order.
 */

/** Bytes that may be looked at behind a record, beside those of a name. */
const AHEAD = 64
/** As many records at most are not tried when others were not in order. */
const LONGEST_WAIT = 15
/** Shapes of more values than this would make code that is not compiled well. */
const LARGEST = 100

const POWERS = Int32Array.from({ length: 5 }, (_, power) => 10 ** power)

/** Decodes what is in the expected order; the rest, and what has no room behind it, is left to the other decoder. */
export function generateInOrderDecoder(shape: Shape, anyOrder: Decoder): Decoder {
  if (shape.kind !== 'object' || values(shape) > LARGEST) return anyOrder
  const code = new InOrderCode()
  const value = code.value(shape)
  const body = `${code.memories.map((name) => `const ${name} = memory()`).join('\n')}
let wait = 0, failures = 0
function inOrder(b, view, p, end) {
  let q = 0, c = 0, x = 0, y = 0, at = 0
  if (b[p] <= 32) p = skipWhitespace(b, p)
  if (p >= end) return undefined
${value.code}
  while (p < end && (b[p] === 32 || b[p] === 10 || b[p] === 13 || b[p] === 9)) p++
  return p === end ? ${value.name} : undefined
}
return function decodeInOrder(b, p, end) {
  if (wait > 0) { wait--; return anyOrder(b, p, end) }
  const view = memoryView(b)
  if (view === undefined || end + ${AHEAD + code.longestName} > b.length) return anyOrder(b, p, end)
  const value = inOrder(b, view, p, end)
  if (value !== undefined) { failures = 0; return value }
  wait = Math.min(2 ** failures++ - 1, ${LONGEST_WAIT})
  return anyOrder(b, p, end)
}`
  return code.compile(body, { anyOrder, memory: stringMemory, memoryView, POWERS, recall })
}

function values(shape: Shape): number {
  switch (shape.kind) {
    case 'object':
      return shape.properties.reduce((sum, property) => sum + values(property.shape), shape.order.length)
    case 'array':
      return values(shape.items)
    case 'nullable':
      return values(shape.inner)
    default:
      return 1
  }
}

const word = (at: string): string => `view.getInt32(${at}, true)`
const ones = (byte: number): number => Math.imul(byte, 0x01010101)
/** The place of the lowest byte with its highest bit set; -1 for none. */
const lowest = (bits: string): string => `(31 - Math.clz32(${bits} & -${bits}) >> 3)`

class InOrderCode extends DecoderCode {
  protected override readonly stop = 'if (p >= end) return undefined'
  readonly memories: string[] = []
  longestName = 0

  protected override object({ properties, order }: ObjectShape, target: string): string {
    const variables = this.variables(properties)
    const done = this.name('object')
    const expected = order.map((name) => {
      const at = properties.findIndex((property) => property.name === name)
      const text = `${JSON.stringify(name)}:`
      this.longestName = Math.max(this.longestName, text.length)
      const read =
        at < 0
          ? skipped
          : `${variables.marks[at]}\n${this.read((properties[at] as (typeof properties)[number]).shape, variables.fields[at] as string)}`
      return `if (${isText(text)}) {
p += ${text.length}
if (b[p] <= 32) { p = skipWhitespace(b, p); ${this.stop} }
${read}
${this.stop}
c = b[p++]
if (c !== 44) {
  if (c === 125) break ${done}
  p = skipWhitespace(b, p - 1)
  c = b[p++]
  if (c === 125) break ${done}
  if (c !== 44) return undefined
}
if (b[p] <= 32) p = skipWhitespace(b, p)
${this.stop}
}`
    })
    return `if (b[p++] !== 123) return undefined
${variables.declarations}
if (b[p] <= 32) p = skipWhitespace(b, p)
${this.stop}
${done}: {
if (b[p] === 125) { p++; break ${done} }
${expected.join('\n')}
return undefined
}
${variables.required}
${this.literal(properties, variables, target)}`
  }

  protected override string(target: string): string {
    const field = this.name('memory')
    this.memories.push(field)
    return `if (b[p] !== 34) return undefined
${plainEnd}
if (b[q] === 34) {
  c = q - p - 1
  ${target} = c <= ${LONGEST_REMEMBERED} ? recall(${field}, b, view, p + 1, c) : b.latin1Slice(p + 1, q)
  p = q + 1
} else {
  ${target} = readString(b, p)
  if (${target} === undefined) return undefined
  p = found.at
}`
  }

  protected override digits(target: string, isInteger: boolean): string {
    return digits(target, isInteger)
  }
}

/** Whether the text, of ASCII, stands at `p`. */
function isText(text: string): string {
  const bytes = Buffer.from(text)
  const size = bytes.length < 8 ? 4 : 8
  const tests: string[] = []
  for (let at = 0; ; at += size) {
    const place = Math.min(at, bytes.length - size)
    // No ASCII is a number that is none, or zero.
    tests.push(
      size === 4
        ? `${word(`p + ${place}`)} === ${bytes.readInt32LE(place)}`
        : `view.getFloat64(p + ${place}, true) === ${bytes.readDoubleLE(place)}`,
    )
    if (place + size === bytes.length) return tests.join(' && ')
  }
}

/** Highest bits of bytes that end a string, or cannot be in one; of those above 0x7f it may say anything. */
function special(x: string): string {
  return `((${x} ^ ${ones(0x02)}) - ${ones(0x21)}) | ((${x} ^ ${ones(0x5c)}) - ${ones(0x01)})`
}

/** Sets `q` to the first byte behind the quote at `p` of which the highest bit is found. */
function stringEnd(found: (x: string) => string): string {
  return `q = p + 1
for (;;) {
  x = ${word('q')}
  y = ${word('q + 4')}
  x = ${found('x')}
  y = ${found('y')}
  if ((x | y) !== 0) break
  q += 8
  if (q > end) return undefined
}
at = ${lowest('x')}
q += (at & ~(at >> 31)) | ((${lowest('y')} + 4) & (at >> 31))`
}

const plainEnd = stringEnd((x) => `(${x} | ${special(x)}) & ${ones(0x80)}`)

/** Loads four bytes at `p`, less what makes digits of numbers, and finds those that are none. */
const load = `x = ${word('p')} ^ ${ones(0x30)}
y = ((x + ${ones(0x76)}) | x) & ${ones(0x80)}`
/** The number of so many digits that were loaded. */
const four = `x = (Math.imul(x, 10) + (x >>> 8)) & 0x00ff00ff
x = (Math.imul(x, 100) + (x >>> 16)) & 0xffff`
const some = `at = ${lowest('y')}
x = (x << 8) << (24 - 8 * at)
${four}
p += at`

/** Whole numbers of up to 15 digits are read here, the others by a function. */
function digits(target: string, isInteger: boolean): string {
  return `{
  const start = p
  const isNegative = b[p] === 45
  if (isNegative) p++
  const first = p
  let n = 0
  ${load}
  if (y !== 0) {
    ${some}
    n = x
  } else {
    ${four}
    n = x
    p += 4
    ${load}
    if (y !== 0) {
      ${some}
      n = Math.imul(n, POWERS[at]) + x
    } else {
      ${four}
      n = Math.imul(n, 10000) + x
      p += 4
      ${load}
      if (y !== 0) {
        ${some}
        n = n * POWERS[at] + x
      } else {
        ${four}
        const middle = x
        p += 4
        ${load}
        // Enough digits for the function, if these are four again.
        if (y === 0) p += 4
        else {
          ${some}
          n = n * (POWERS[at] * 10000) + (middle * POWERS[at] + x)
        }
      }
    }
  }
  c = b[p]
  ${numberEnd(target, isInteger)}
}`
}

/** Goes by a value that is not asked for. */
const skipped = `c = b[p]
if (c === 34) {
  ${stringEnd((x) => `(${special(x)}) & ~${x} & ${ones(0x80)}`)}
  if (b[q] === 34) p = q + 1
  else p = skipValue(b, p, 0)
} else if (c > 48 && c <= 57) {
  q = p
  for (;;) {
    ${load}
    if (y !== 0) break
    p += 4
    if (p >= end) return undefined
  }
  p += ${lowest('y')}
  c = b[p]
  if (c === 46 || c === 101 || c === 69) p = skipValue(b, q, 0)
} else p = skipValue(b, p, 0)
if (p < 0) return undefined`
