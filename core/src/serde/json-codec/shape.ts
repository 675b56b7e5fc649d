/*
 * What the code generators need of a JSON Schema. Whatever a shape does not say (limits, patterns, alternatives) is left to a
 * checker that looks at the decoded value.
 */

export type Shape =
  | { readonly kind: 'string' | 'boolean' | 'null' }
  | { readonly kind: 'number'; readonly isInteger: boolean }
  | { readonly kind: 'nullable'; readonly inner: Shape }
  | { readonly kind: 'array'; readonly items: Shape }
  | ObjectShape
  /** Read and written as the language itself does. */
  | { readonly kind: 'any' }

export interface ObjectShape {
  readonly kind: 'object'
  readonly properties: readonly PropertyShape[]
  /** Whether properties that are not declared are refused. */
  readonly isClosed: boolean
}

export interface PropertyShape {
  readonly name: string
  readonly shape: Shape
  readonly isOptional: boolean
}

export interface ReadSchema {
  readonly shape: Shape
  /** Whether the schema says more than the shape. */
  readonly needsCheck: boolean
}

type JsonSchema = Readonly<Record<string, unknown>>

/** Keywords that say nothing about values. */
const SILENT: ReadonlySet<string> = new Set([
  '$comment',
  '$id',
  '$schema',
  'default',
  'deprecated',
  'description',
  'examples',
  'readOnly',
  'title',
  'writeOnly',
])

/** Names that stand in JSON as they are, so that their bytes can be compared. `__proto__` is special in object literals. */
const PLAIN_NAME = /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/

export function readSchema(schema: unknown): ReadSchema {
  const reader = new SchemaReader()
  const shape = reader.read(schema as JsonSchema)
  return { shape, needsCheck: reader.needsCheck }
}

class SchemaReader {
  needsCheck = false

  read(schema: JsonSchema): Shape {
    const keywords = Object.keys(schema).filter((keyword) => !SILENT.has(keyword) && !keyword.startsWith('~'))
    const { type, anyOf } = schema
    if (keywords.length === 0) return { kind: 'any' }
    if (Array.isArray(anyOf) && keywords.length === 1) return this.#alternatives(anyOf as JsonSchema[])
    const known = (...names: string[]): void => {
      if (keywords.some((keyword) => !names.includes(keyword))) this.needsCheck = true
    }
    switch (type) {
      case 'string':
      case 'boolean':
      case 'null':
        known('type')
        return { kind: type }
      case 'number':
      case 'integer':
        known('type')
        return { kind: 'number', isInteger: type === 'integer' }
      case 'array':
        if (typeof schema.items !== 'object' || schema.items === null || Array.isArray(schema.items)) break
        known('type', 'items')
        return { kind: 'array', items: this.read(schema.items as JsonSchema) }
      case 'object': {
        const object = this.#object(schema)
        if (object === null) break
        known('type', 'properties', 'required', 'additionalProperties')
        return object
      }
    }
    this.needsCheck = true
    return { kind: 'any' }
  }

  #object({ properties, required = [], additionalProperties = true, patternProperties }: JsonSchema): Shape | null {
    if (typeof properties !== 'object' || properties === null || patternProperties !== undefined) return null
    if (typeof additionalProperties !== 'boolean' || !Array.isArray(required)) return null
    const names = Object.keys(properties)
    if (!names.every((name) => PLAIN_NAME.test(name) && name !== '__proto__')) return null
    return {
      kind: 'object',
      isClosed: !additionalProperties,
      properties: names.map((name) => ({
        name,
        shape: this.read((properties as Record<string, JsonSchema>)[name] as JsonSchema),
        isOptional: !required.includes(name),
      })),
    }
  }

  #alternatives(schemas: readonly JsonSchema[]): Shape {
    const others = schemas.filter(({ type }) => type !== 'null')
    if (others.length === 1 && schemas.length === 2)
      return { kind: 'nullable', inner: this.read(others[0] as JsonSchema) }
    this.needsCheck = true
    const [first] = schemas
    const areLiterals = schemas.every((schema) => 'const' in schema && schema.type === first?.type)
    if (areLiterals && (first?.type === 'string' || first?.type === 'boolean')) return { kind: first.type }
    if (areLiterals && first?.type === 'number') return { kind: 'number', isInteger: false }
    return { kind: 'any' }
  }
}

/** What a parsed value holds of a shape: declared properties only. */
export function pick(shape: Shape, value: unknown): unknown {
  if (value === null) return null
  if (shape.kind === 'nullable') return pick(shape.inner, value)
  if (shape.kind === 'array') return (value as unknown[]).map((item) => pick(shape.items, item))
  if (shape.kind !== 'object') return value
  const picked: Record<string, unknown> = {}
  for (const { name, shape: inner } of shape.properties) {
    if (Object.hasOwn(value as object, name)) picked[name] = pick(inner, (value as Record<string, unknown>)[name])
  }
  return picked
}
