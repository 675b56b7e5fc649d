import type { Static, TSchema } from 'typebox'
import { DecodeError, StreamError } from '../errors.ts'
import type { ByteWriter } from './byte-writer.ts'
import { type JsonCodec, jsonCodec } from './json-codec/codec.ts'
import type { Serde } from './serde.ts'

class JsonSerde<T> implements Serde<T> {
  readonly format = 'json@1'

  get isDetached(): boolean {
    return true
  }

  decode(bytes: Buffer, start: number, end: number): T {
    try {
      return JSON.parse(bytes.toString('utf8', start, end))
    } catch (cause) {
      throw new DecodeError(`${end - start} bytes are not JSON: ${(cause as Error).message}`, { cause })
    }
  }

  encode(value: T, target: ByteWriter): void {
    let text: string | undefined
    try {
      text = JSON.stringify(value)
    } catch (cause) {
      throw new StreamError('ENCODE_FAILED', `a value cannot be written as JSON: ${(cause as Error).message}`, {
        cause,
      })
    }
    if (text === undefined) {
      throw new StreamError('ENCODE_FAILED', `JSON has no form for ${typeof value}; write null where there is no value`)
    }
    target.writeUtf8(text)
  }
}

const shared = new JsonSerde<never>()

/**
 * Values as JSON text in UTF-8.
 *
 * Without a schema the type parameter is a promise about the data, which nothing checks; Dates become strings, Map and Set become
 * `{}` (use `msgpack` where they must be kept). With a schema of TypeBox the type follows from it; records are decoded and
 * encoded by code made for it, which is quicker than `JSON.parse` and `JSON.stringify`: only what it names is decoded, and all of
 * that is checked, both ways. Schemas of other libraries: `schema`.
 *
 * @throws DECODE_FAILED when the bytes are not JSON, or do not fit the schema (with the place)
 * @throws OPTION_INVALID for a schema of what JSON does not have (`undefined`, `bigint` …), with a transformation or an unknown format
 * @throws ENCODE_FAILED for undefined, functions, bigints and cycles, and for what is not of the schema, NaN and Infinity too
 * @example
 * const Payment = Type.Object({ card: Type.String(), amount: Type.Number({ minimum: 0 }), time: Type.Integer() })
 * env.topic('payments', json(Payment), { time: watermarks.bounded('5s', 'time') })
 */
export function json<T>(): Serde<T>
export function json<Schema extends TSchema>(schema: Schema): JsonCodec<Static<Schema>>
export function json(schema?: TSchema): Serde<unknown> {
  return schema === undefined ? (shared as unknown as Serde<unknown>) : jsonCodec(schema)
}
