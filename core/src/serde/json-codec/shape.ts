import { hasReferences, type JsonSchema } from './accepted.ts'
import { type Rule, ruleOf } from './rule.ts'

/*
 * What the code generators need of a JSON Schema. Types, properties and limits are for generated code; what else a schema says is
 * a rule, which is TypeBox's to check, on the smallest part of a value that it speaks of.
 */

export type Shape =
  | { readonly kind: 'string' | 'boolean'; readonly rule: Rule | null }
  | { readonly kind: 'null' }
  | NumberShape
  | { readonly kind: 'nullable'; readonly inner: Shape }
  | ArrayShape
  | ObjectShape
  | AnyShape

export interface NumberShape {
  readonly kind: 'number'
  readonly isInteger: boolean
  readonly limits: readonly Limit[]
  readonly rule: Rule | null
}

/** A number must stand so to the bound. */
export interface Limit {
  readonly comparison: '>=' | '<=' | '>' | '<'
  readonly bound: number
}

export interface ArrayShape {
  readonly kind: 'array'
  readonly items: Shape
  readonly least: number
  readonly most: number
}

export interface ObjectShape {
  readonly kind: 'object'
  readonly properties: readonly PropertyShape[]
  /** Whether properties that are not declared are refused. */
  readonly isClosed: boolean
  /** In which order declared properties are expected, with those that are passed over. */
  readonly order: readonly string[]
}

export interface PropertyShape {
  readonly name: string
  readonly shape: Shape
  readonly isOptional: boolean
}

/** Read and written as the language itself does, and checked as a whole. */
export interface AnyShape {
  readonly kind: 'any'
  readonly rule: Rule | null
  /** What is kept of a value that was found right; null for all of it. */
  readonly kept: Shape | null
}

/** Keywords that say nothing about values. */
const SILENT: ReadonlySet<string> = new Set([
  '$anchor',
  '$comment',
  '$defs',
  '$id',
  '$schema',
  'default',
  'definitions',
  'deprecated',
  'description',
  'examples',
  'readOnly',
  'title',
  'writeOnly',
])

const COMPARISONS: Readonly<Record<string, Limit['comparison']>> = {
  minimum: '>=',
  maximum: '<=',
  exclusiveMinimum: '>',
  exclusiveMaximum: '<',
}

/** Names that stand in JSON as they are, so that their bytes can be compared. `__proto__` is special in object literals. */
const PLAIN_NAME = /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/

export function readSchema(schema: unknown): Shape {
  if (!hasReferences(schema)) return read(schema as JsonSchema, ruleOf)
  // What refers to other parts of the schema cannot be checked apart from them.
  return { kind: 'any', rule: ruleOf(schema), kept: read(schema as JsonSchema, () => null) }
}

type RuleMaker = (schema: unknown) => Rule | null

function read(schema: JsonSchema | boolean, ruleFor: RuleMaker): Shape {
  if (typeof schema === 'boolean') return { kind: 'any', rule: schema ? null : ruleFor(schema), kept: null }
  const keywords = Object.keys(schema).filter((keyword) => !SILENT.has(keyword))
  if ('~refine' in schema) keywords.push('~refine')
  if (keywords.length === 0) return { kind: 'any', rule: null, kept: null }
  const { type, anyOf } = schema
  const others = keywords.filter((keyword) => keyword !== 'type')
  const rule = (): Rule | null => ruleFor(schema)
  switch (type) {
    case 'string':
    case 'boolean':
      return { kind: type, rule: others.length === 0 ? null : rule() }
    case 'null':
      if (others.length === 0) return { kind: 'null' }
      break
    case 'number':
    case 'integer': {
      const limits = others.flatMap((keyword) => {
        const comparison = COMPARISONS[keyword]
        return comparison === undefined ? [] : [{ comparison, bound: schema[keyword] as number }]
      })
      const isAll = limits.length === others.length
      return { kind: 'number', isInteger: type === 'integer', limits, rule: isAll ? null : rule() }
    }
    case 'array':
      // Other demands may speak of parts of the items that are not kept.
      if (!isSchema(schema.items) || !others.every((keyword) => ['items', 'minItems', 'maxItems'].includes(keyword)))
        break
      return {
        kind: 'array',
        items: read(schema.items, ruleFor),
        least: (schema.minItems as number | undefined) ?? 0,
        most: (schema.maxItems as number | undefined) ?? Number.POSITIVE_INFINITY,
      }
    case 'object': {
      const object = readObject(schema, ruleFor)
      if (object === null) break
      const isAll = others.every((keyword) => ['properties', 'required', 'additionalProperties'].includes(keyword))
      const isPlain = object.properties.every(({ name }) => PLAIN_NAME.test(name) && name !== '__proto__')
      return isAll && isPlain ? object : { kind: 'any', rule: rule(), kept: object }
    }
  }
  const nullable = Array.isArray(anyOf) && keywords.length === 1 ? readNullable(anyOf, ruleFor) : null
  return nullable ?? readLiterals(schema, rule) ?? { kind: 'any', rule: rule(), kept: null }
}

function isSchema(schema: unknown): schema is JsonSchema | boolean {
  return typeof schema === 'boolean' || (typeof schema === 'object' && schema !== null && !Array.isArray(schema))
}

function readObject(schema: JsonSchema, ruleFor: RuleMaker): ObjectShape | null {
  const { properties, required = [], additionalProperties = true } = schema
  if (typeof properties !== 'object' || properties === null) return null
  if (typeof additionalProperties !== 'boolean' || !Array.isArray(required)) return null
  // What must be there without being declared is left to the checker of the whole.
  if (!required.every((name) => Object.hasOwn(properties, name))) return null
  return {
    kind: 'object',
    isClosed: !additionalProperties,
    order: Object.keys(properties),
    properties: Object.entries(properties as Record<string, JsonSchema>).map(([name, property]) => ({
      name,
      shape: read(property, ruleFor),
      isOptional: !required.includes(name),
    })),
  }
}

function readNullable(alternatives: readonly unknown[], ruleFor: RuleMaker): Shape | null {
  const others = alternatives.filter((schema) => !isSchema(schema) || typeof schema === 'boolean' || !isNull(schema))
  return alternatives.length === 2 && others.length === 1
    ? { kind: 'nullable', inner: read(others[0] as JsonSchema, ruleFor) }
    : null
}

function isNull(schema: JsonSchema): boolean {
  return (
    schema.type === 'null' &&
    Object.keys(schema).every((keyword) => keyword === 'type' || SILENT.has(keyword)) &&
    !('~refine' in schema)
  )
}

/** Alternatives that are all texts are read as a text. */
function readLiterals({ anyOf, enum: values }: JsonSchema, rule: () => Rule | null): Shape | null {
  const literals = Array.isArray(values)
    ? values
    : Array.isArray(anyOf) &&
        anyOf.every((schema) => typeof schema === 'object' && schema !== null && 'const' in schema)
      ? anyOf.map((schema: JsonSchema) => schema.const)
      : []
  return literals.length > 0 && literals.every((literal) => typeof literal === 'string')
    ? { kind: 'string', rule: rule() }
    : null
}

/** What a parsed value, which was found right, holds of a shape: declared properties only. */
export function pick(shape: Shape, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  switch (shape.kind) {
    case 'nullable':
      return pick(shape.inner, value)
    case 'any':
      return shape.kept === null ? value : pick(shape.kept, value)
    case 'array':
      return Array.isArray(value) ? value.map((item) => pick(shape.items, item)) : value
    case 'object':
      return Array.isArray(value) ? value : pickProperties(shape.properties, value)
    default:
      return value
  }
}

function pickProperties(properties: readonly PropertyShape[], value: object): object {
  const picked: Record<string, unknown> = {}
  for (const { name, shape } of properties) {
    if (!Object.hasOwn(value, name)) continue
    const inner = pick(shape, (value as Record<string, unknown>)[name])
    if (name !== '__proto__') picked[name] = inner
    else Object.defineProperty(picked, name, { value: inner, configurable: true, enumerable: true, writable: true })
  }
  return picked
}
