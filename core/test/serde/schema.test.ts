import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { msgpack } from '../../src/serde/msgpack.ts'
import { schema } from '../../src/serde/schema.ts'
import type { StandardResult, StandardSchema } from '../../src/serde/standard-schema.ts'
import { decodedFrom, encoded, expectDecodeError, throughRange } from './codec.ts'

const payment = z.object({ card: z.string(), amount: z.number().positive(), tags: z.array(z.string()).optional() })

function validating<T>(
  validate: (value: unknown) => StandardResult<T> | Promise<StandardResult<T>>,
): StandardSchema<unknown, T> {
  return { '~standard': { version: 1, vendor: 'test', validate } }
}

describe('schema', () => {
  it('gives back a value that fits', () => {
    expect(throughRange(schema(payment), { card: 'c', amount: 5 })).toEqual({ card: 'c', amount: 5 })
  })

  it('gives what the schema made of the value', () => {
    const upper = z.object({ name: z.string().transform((name) => name.toUpperCase()) })
    expect(decodedFrom(schema(upper), Buffer.from('{"name":"ada","more":1}'))).toEqual({ name: 'ADA' })
  })

  it('names every issue with its path', () => {
    expect(() => decodedFrom(schema(payment), Buffer.from('{"amount":-1,"tags":["a",2]}'))).toThrowError(
      expect.objectContaining({
        code: 'DECODE_FAILED',
        message: expect.stringMatching(/zod.*card: .*; amount: .*; tags\[1\]: /),
      }),
    )
  })

  it('refuses bytes that the inner format refuses', () => {
    expectDecodeError(schema(payment), Buffer.from('{'))
  })

  it('takes another inner format and its name', () => {
    const serde = schema(payment, msgpack())
    expect(serde.format).toBe('msgpack@1')
    expect(encoded(serde, { card: 'c', amount: 1 })).toEqual(encoded(msgpack(), { card: 'c', amount: 1 }))
    expect(throughRange(serde, { card: 'c', amount: 1 })).toEqual({ card: 'c', amount: 1 })
  })

  it('refuses a schema that validates asynchronously, also one that rejects', () => {
    const late = validating(async () => ({ value: 1 }))
    const rejecting = validating<number>(async () => await Promise.reject(new Error('no')))
    for (const serde of [schema(late), schema(rejecting)]) {
      expect(() => decodedFrom(serde, Buffer.from('1'))).toThrowError(
        expect.objectContaining({ code: 'OPTION_INVALID' }),
      )
    }
  })

  it('takes a schema that throws for one that the value does not fit', () => {
    const reason = new TypeError('cannot read x')
    const throwing = validating<number>(() => {
      throw reason
    })
    expect(() => decodedFrom(schema(throwing), Buffer.from('1'))).toThrowError(
      expect.objectContaining({ code: 'DECODE_FAILED', cause: reason }),
    )
  })

  it.each([undefined, null, {}, { '~standard': { version: 2 } }, payment.shape])(
    'refuses %j, which is no schema',
    (value) => {
      expect(() => schema(value as unknown as StandardSchema)).toThrowError(
        expect.objectContaining({ code: 'OPTION_INVALID' }),
      )
    },
  )
})
