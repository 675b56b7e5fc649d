import { DecodeError, OptionError } from '../errors.ts'
import type { ByteWriter } from './byte-writer.ts'
import { json } from './json.ts'
import type { Serde } from './serde.ts'
import { describeIssues, type StandardResult, type StandardSchema } from './standard-schema.ts'

class SchemaSerde<T> implements Serde<T> {
  readonly format: string
  readonly isDetached: boolean
  readonly #schema: StandardSchema<unknown, T>['~standard']
  readonly #inner: Serde<unknown>

  constructor(schema: StandardSchema<unknown, T>['~standard'], inner: Serde<unknown>) {
    this.format = inner.format
    this.isDetached = inner.isDetached === true
    this.#schema = schema
    this.#inner = inner
  }

  decode(bytes: Buffer, start: number, end: number): T {
    const result = this.#validate(this.#inner.decode(bytes, start, end))
    if (result instanceof Promise) {
      result.catch(() => {}) // Its outcome is of no use to anybody: the error below says why.
      throw new OptionError(
        `the schema (${this.#schema.vendor}) validates asynchronously; records are decoded synchronously, so use a schema without async checks`,
      )
    }
    if (result.issues !== undefined) {
      throw new DecodeError(
        `a value does not fit the schema (${this.#schema.vendor}): ${describeIssues(result.issues)}`,
      )
    }
    return result.value
  }

  encode(value: T, target: ByteWriter): void {
    this.#inner.encode(value, target)
  }

  #validate(value: unknown): StandardResult<T> | Promise<StandardResult<T>> {
    try {
      return this.#schema.validate(value)
    } catch (cause) {
      // A check or a transformation of the schema that was not written for this value.
      throw new DecodeError(`the schema (${this.#schema.vendor}) threw on a value: ${messageOf(cause)}`, { cause })
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/**
 * Checks every decoded value with a schema of any library that implements Standard Schema (zod, valibot, arktype, …);
 * what the schema's transformations make of the value is what the job sees. Encoding does not check.
 *
 * @param inner the format of the bytes, `json()` by default
 * @throws DECODE_FAILED with every issue and its path, or with what the schema itself threw
 * @throws OPTION_INVALID when the schema validates asynchronously
 *
 * @example
 * env.topic('payments', { value: schema(z.object({ card: z.string(), amount: z.number().positive() })) })
 */
export function schema<T>(standardSchema: StandardSchema<unknown, T>, inner: Serde<unknown> = json()): Serde<T> {
  const standard = standardSchema?.['~standard']
  if (standard?.version !== 1 || typeof standard.validate !== 'function') {
    throw new OptionError('schema() takes a schema that implements Standard Schema v1 (it has a "~standard" property)')
  }
  return new SchemaSerde(standard, inner)
}
