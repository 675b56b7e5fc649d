import { DecodeError, StreamError } from '../errors.ts'
import type { ByteWriter } from './byte-writer.ts'
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
 * Values as JSON text in UTF-8. The type parameter is a promise about the data, which nothing checks: use `schema` where
 * the data is not trusted. Dates become strings, Map and Set become `{}`; use `msgpack` where they must be kept.
 *
 * @throws DECODE_FAILED when the bytes are not JSON
 * @throws ENCODE_FAILED for undefined, functions, bigints and cycles
 */
export function json<T>(): Serde<T> {
  return shared as unknown as Serde<T>
}
