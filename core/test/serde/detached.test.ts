import { expect, it } from 'vitest'
import { ByteWriter } from '../../src/serde/byte-writer.ts'
import { json } from '../../src/serde/json.ts'
import { msgpack } from '../../src/serde/msgpack.ts'
import { bigint, bytes, number, string } from '../../src/serde/primitives.ts'
import { schema } from '../../src/serde/schema.ts'
import type { Serde } from '../../src/serde/serde.ts'
import type { StandardSchema } from '../../src/serde/standard-schema.ts'
import { versioned } from '../../src/serde/versioned.ts'

const anything: StandardSchema<unknown, unknown> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
}
const views: Serde<Uint8Array> = {
  format: 'views@1',
  decode: (buffer, start, end) => buffer.subarray(start, end),
  encode: (value, target) => target.writeBytes(value),
}

it.each<[string, Serde<unknown>, unknown]>([
  ['json', json(), { text: 'a text', list: [1, 2] }],
  ['msgpack', msgpack(), { text: 'a text', bytes: Buffer.from('bytes'), typed: new Uint8Array([1, 2, 3]) }],
  ['string', string(), 'a text'.repeat(10_000)],
  ['bytes', bytes(), Buffer.from('bytes')],
  ['number', number(), 1.5],
  ['bigint', bigint(), 12345678901234567890n],
  ['schema', schema(anything), { text: 'a text' }],
  ['versioned', versioned(msgpack<unknown>(), { version: 2 }), { bytes: Buffer.from('bytes') }],
] as [string, Serde<unknown>, unknown][])(
  'values of %s hold nothing of the bytes they were decoded from',
  (_name, serde, value) => {
    expect(serde.isDetached).toBe(true)
    const writer = new ByteWriter()
    serde.encode(value, writer)
    const decoded = serde.decode(writer.buffer, 0, writer.position)
    writer.buffer.fill(0x58)
    expect(decoded).toEqual(value)
  },
)

it('a serde that was spread from another makes no such promise', () => {
  const kept = { ...bytes(), decode: views.decode }
  expect(kept.format).toBe('bytes@1')
  expect(kept.isDetached).toBeUndefined()
})

it('a versioned value may hold its bytes where one of its versions may', () => {
  expect(versioned(views, { version: 1 }).isDetached).toBe(false)
  const former = versioned(msgpack<Uint8Array>(), { version: 2, from: { 1: { serde: views, migrate: (old) => old } } })
  expect(former.isDetached).toBe(false)
})
