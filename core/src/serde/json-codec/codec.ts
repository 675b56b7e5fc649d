import type { Static, TSchema } from 'typebox'
import { DecodeError, OptionError } from '../../errors.ts'
import type { ByteWriter } from '../byte-writer.ts'
import type { ProjectableSerde, Serde } from '../serde.ts'
import { refuseUnkept } from './accepted.ts'
import { type Decoder, generateDecoder } from './decoder.ts'
import { type Encoder, generateEncoder } from './encoder.ts'
import { generateInOrderDecoder } from './in-order-decoder.ts'
import { plainEncoder } from './plain-encoder.ts'
import { type Projected, projectShape } from './projection.ts'
import { type Rule, ruleOf } from './rule.ts'
import { pick, readSchema, type Shape } from './shape.ts'

/** JSON of a schema. What is decoded is checked, and what is encoded; what the schema does not name is left out. */
export interface JsonCodec<T> extends ProjectableSerde<T> {
  readonly schema: TSchema
  /** The same, for these properties of an object only: the others are passed over, and not checked. */
  project<const Field extends string>(fields: readonly Field[]): JsonCodec<Pick<T, Field & keyof T>>
}

/** @throws OPTION_INVALID for a schema that says what JSON has no values for, or what the codec does not keep to */
export function jsonCodec<Schema extends TSchema>(schema: Schema): JsonCodec<Static<Schema>> {
  if (typeof schema !== 'object' || schema === null)
    throw new OptionError('json() takes a schema of TypeBox, which is an object.')
  refuseUnkept(schema)
  const shape = readSchema(schema)
  return new SchemaCodec<Static<Schema>>({ schema, read: shape, written: shape, rule: ruleOf(schema) })
}

class SchemaCodec<T> implements JsonCodec<T>, Serde<T> {
  readonly format = 'json@1'
  readonly isDetached = true
  readonly schema: TSchema
  readonly #of: Projected
  readonly #shape: Shape
  readonly #rule: Rule
  readonly #decode: Decoder
  readonly #encode: Encoder

  constructor(of: Projected) {
    const { schema, read, written, rule } = of
    this.schema = schema
    this.#of = of
    this.#shape = read
    this.#rule = rule
    // Where code may not be made from text, all goes the slow way.
    this.#decode = generated(() => generateInOrderDecoder(read, generateDecoder(read))) ?? (() => undefined)
    this.#encode = generated(() => generateEncoder(written)) ?? plainEncoder(written)
  }

  decode(bytes: Buffer, start: number, end: number): T {
    const value = this.#decode(bytes, start, end)
    return (value === undefined ? this.#decodeSlowly(bytes, start, end) : value) as T
  }

  encode(value: T, target: ByteWriter): void {
    const start = target.position
    try {
      this.#encode(value, target)
    } catch (error) {
      // Half a value must not stay in front of the next.
      target.position = start
      throw error
    }
  }

  project<const Field extends string>(fields: readonly Field[]): JsonCodec<Pick<T, Field & keyof T>> {
    return new SchemaCodec<Pick<T, Field & keyof T>>(projectShape(this.#of, fields))
  }

  /** For what the generated code does not take: it is either rare or wrong. */
  #decodeSlowly(bytes: Buffer, start: number, end: number): T {
    let value: unknown
    try {
      value = JSON.parse(bytes.toString('utf8', start, end))
    } catch (cause) {
      throw new DecodeError(`${end - start} bytes are not JSON: ${(cause as Error).message}`, { cause })
    }
    if (!this.#rule.isKept(value))
      throw new DecodeError(`the value does not fit its schema: ${this.#rule.complaint(value)}`)
    return pick(this.#shape, value) as T
  }
}

function generated<Made>(make: () => Made): Made | undefined {
  try {
    return make()
  } catch (error) {
    if (error instanceof EvalError) return undefined
    throw error
  }
}
