import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { DecodeError, OptionError } from '../../errors.ts'
import type { ByteWriter } from '../byte-writer.ts'
import type { ProjectableSerde, Serde } from '../serde.ts'
import { type Decoder, generateDecoder } from './decoder.ts'
import { type Encoder, generateEncoder } from './encoder.ts'
import { describeMismatch } from './mismatch.ts'
import { pick, readSchema, type Shape } from './shape.ts'
import { writeAny } from './writing.ts'

/** JSON of a schema. What is decoded is checked; what the schema does not name is left out. */
export interface JsonCodec<T> extends ProjectableSerde<T> {
  readonly schema: TSchema
  /** The same, for these properties of an object only: the others are passed over, and not checked. */
  project<const Field extends string>(fields: readonly Field[]): JsonCodec<Pick<T, Field & keyof T>>
}

export function jsonCodec<Schema extends TSchema>(schema: Schema): JsonCodec<Static<Schema>> {
  return new SchemaCodec<Static<Schema>>(schema)
}

class SchemaCodec<T> implements JsonCodec<T>, Serde<T> {
  readonly format = 'json@1'
  readonly isDetached = true
  readonly schema: TSchema
  readonly #shape: Shape
  readonly #check: ReturnType<typeof Compile>
  readonly #needsCheck: boolean
  readonly #decode: Decoder
  readonly #encode: Encoder

  constructor(schema: TSchema) {
    if (typeof schema !== 'object' || schema === null)
      throw new OptionError('json() takes a schema of TypeBox, which is an object.')
    this.schema = schema
    const { shape, needsCheck } = readSchema(schema)
    this.#shape = shape
    this.#needsCheck = needsCheck
    this.#check = Compile(schema)
    // Where code may not be made from text, all goes the slow way.
    this.#decode = generated(() => generateDecoder(shape)) ?? (() => undefined)
    this.#encode =
      generated(() => generateEncoder(shape)) ?? ((value, target) => writeAny(target, pick(shape, value), ''))
  }

  decode(bytes: Buffer, start: number, end: number): T {
    const value = this.#decode(bytes, start, end)
    if (value === undefined || (this.#needsCheck && !this.#check.Check(value)))
      return this.#decodeSlowly(bytes, start, end)
    return value as T
  }

  encode(value: T, target: ByteWriter): void {
    this.#encode(value, target)
  }

  project<const Field extends string>(fields: readonly Field[]): JsonCodec<Pick<T, Field & keyof T>> {
    return new SchemaCodec<Pick<T, Field & keyof T>>(projected(this.schema, fields))
  }

  /** For what the generated code does not take: it is either rare or wrong. */
  #decodeSlowly(bytes: Buffer, start: number, end: number): T {
    let value: unknown
    try {
      value = JSON.parse(bytes.toString('utf8', start, end))
    } catch (cause) {
      throw new DecodeError(`${end - start} bytes are not JSON: ${(cause as Error).message}`, { cause })
    }
    if (!this.#check.Check(value)) {
      throw new DecodeError(`the value does not fit its schema: ${describeMismatch(this.#check.Errors(value), value)}`)
    }
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

/** The schema of an object with some of its properties, which does not mind the others. */
function projected(schema: TSchema, fields: readonly string[]): TSchema {
  const { properties, required = [] } = schema as { properties?: Record<string, TSchema>; required?: readonly string[] }
  if (properties === undefined) throw new OptionError('Only the schema of an object has fields to choose.')
  for (const field of fields) {
    if (Object.hasOwn(properties, field)) continue
    throw new OptionError(`The schema has no field '${field}'; it has ${Object.keys(properties).join(', ')}.`)
  }
  const chosen = Object.keys(properties).filter((name) => fields.includes(name))
  return {
    type: 'object',
    properties: Object.fromEntries(chosen.map((name) => [name, properties[name]])),
    required: required.filter((name) => chosen.includes(name)),
  } as TSchema
}
