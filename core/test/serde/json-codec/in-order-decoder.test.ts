import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import { json } from '../../../src/serde/json.ts'
import type { FastBuffer } from '../../../src/serde/json-codec/fast-buffer.ts'
import { generateInOrderDecoder } from '../../../src/serde/json-codec/in-order-decoder.ts'
import { readSchema } from '../../../src/serde/json-codec/shape.ts'

const Order = Type.Object({
  id: Type.Integer(),
  i: Type.Optional(Type.Integer()),
  idle: Type.Optional(Type.Boolean()),
  name: Type.String(),
  price: Type.Number(),
  lines: Type.Array(Type.Object({ sku: Type.String(), count: Type.Integer() })),
})
const order = { id: 7, i: 1, idle: true, name: 'chair', price: 12.5, lines: [{ sku: 'a', count: 2 }] }

const LEFT = 'left to the other decoder'

/** What the decoder makes of a text among others in a buffer that was seen before. */
function inOrder(text: string, schema = Order): unknown {
  const decode = generateInOrderDecoder(readSchema(schema), () => LEFT)
  const buffer = Buffer.concat([Buffer.from('"'), Buffer.from(text), Buffer.from('1"}5'.repeat(50))])
  decode(buffer, 1, 1 + Buffer.byteLength(text))
  return decode(buffer, 1, 1 + Buffer.byteLength(text))
}

const { i: _, idle: __, ...required } = order
const backwards = Object.fromEntries(Object.entries(order).reverse())

describe('what is in the order of the schema', () => {
  it.each([
    ['as it is written by JSON.stringify', JSON.stringify(order)],
    ['with white space', ` ${JSON.stringify(order, null, 2)}\n`],
    ['with a name whose beginning is another name', JSON.stringify({ ...required, i: undefined })],
    ['with escapes in a text', JSON.stringify({ ...order, name: 'a "chair"\n' })],
    ['with more than ASCII in a text', JSON.stringify({ ...order, name: 'Stühle für 🪑 aus Holz und aus Stahl' })],
    ['with a long text', JSON.stringify({ ...order, name: 'chair '.repeat(50) })],
  ])('is read %s', (_, text) => {
    expect(inOrder(text)).toStrictEqual(JSON.parse(text))
  })

  it.each([
    '0',
    '-0',
    '7',
    '-7',
    '1234',
    '12345',
    '12345678',
    '-123456789',
    '123456789012',
    '1234567890123',
    '999999999999999',
    '1234567890123456',
    '9007199254740993',
    '12345678901234567890123',
    '0.5',
    '1e3',
    '123456.5e-2',
    '-1234567890123e5',
  ])('may hold the number %s', (number) => {
    const text = JSON.stringify(order).replace('12.5', number)
    expect(inOrder(text)).toStrictEqual(JSON.parse(text))
  })
})

describe('what is left to the other decoder', () => {
  const text = JSON.stringify(order)
  it.each([
    ['another order', JSON.stringify(backwards)],
    ['an unknown field', text.replace('"name"', '"nape":1,"name"')],
    ['a name that only begins as expected', text.replace('"name"', '"nam":1,"name"')],
    ['a name that is longer than expected', text.replace('"id"', '"idx":1,"id"')],
    ['an escape in a name', text.replace('"name"', '"n\\u0061me"')],
    ['a field twice', text.replace('"price"', '"name":"table","price"')],
    ['a missing field', text.replace('"name":"chair",', '')],
    ['a comma too many', text.replace('}]}', '}],}')],
    ['a zero in front of a number', text.replace('12.5', '012')],
    ['a number without digits', text.replace('12.5', '-')],
    ['a text that does not end', text.replace('chair"', 'chair')],
    ['another type', text.replace('12.5', '"12"')],
    ['a record that was cut off', text.slice(0, -1)],
    ['a record with more behind it', `${text}5`],
    ['nothing', ''],
  ])('is %s', (_, given) => {
    expect(inOrder(given)).toBe(LEFT)
  })

  it('is a record at the end of its buffer', () => {
    const decode = generateInOrderDecoder(readSchema(Order), () => LEFT)
    const buffer = Buffer.from(text) as FastBuffer
    for (let turn = 0; turn < 3; turn++) expect(decode(buffer, 0, buffer.length)).toBe(LEFT)
  })
})

it('is tried again when some records were in another order', () => {
  const left: number[] = []
  const decode = generateInOrderDecoder(readSchema(Order), (_, start) => left.push(start))
  const good = JSON.stringify(order)
  const bad = JSON.stringify(backwards)
  const buffer = Buffer.from(bad + good + ' '.repeat(200))
  for (let turn = 0; turn < 200; turn++) decode(buffer, 0, bad.length)
  left.length = 0
  for (let turn = 0; turn < 200; turn++) decode(buffer, bad.length, bad.length + good.length)
  expect(left.length).toBeLessThan(20)
})

it('gives the same as before for fields that are passed over, in any order', () => {
  const some = json(Order).project(['price', 'id'])
  const other = { lines: order.lines, price: 1, name: 'x"y', id: 9, more: { 'a"': [1] } }
  const texts = [order, other, { ...order, name: 'ü'.repeat(9) }, { ...order, i: -1.5e3 }].map((value) =>
    JSON.stringify(value),
  )
  const buffer = Buffer.from(`${texts.join('')}${' '.repeat(200)}`)
  for (let turn = 0; turn < 40; turn++) {
    let start = 0
    for (const text of texts) {
      const end = start + Buffer.byteLength(text)
      const { id, price } = JSON.parse(text)
      expect(some.decode(buffer, start, end)).toStrictEqual({ id, price })
      start = end
    }
  }
})
