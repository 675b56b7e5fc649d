import { Has as isFormat } from 'typebox/format'
import { OptionError } from '../../errors.ts'

/*
 * Which schemas there can be a codec of. A keyword that would be passed over in silence is worse than one that is refused, so what
 * cannot be kept to is refused when the codec is made.
 */

export type JsonSchema = Readonly<Record<string, unknown>>

const TYPES: ReadonlySet<unknown> = new Set(['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'])
const COUNTS = [
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minContains',
  'maxContains',
  'minProperties',
  'maxProperties',
]
const BOUNDS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf']
const IN_MAPS = ['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas', 'dependencies']
const IN_LISTS = ['allOf', 'anyOf', 'oneOf', 'prefixItems', 'items']
const ALONE = [
  'items',
  'additionalItems',
  'additionalProperties',
  'contains',
  'else',
  'if',
  'not',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
]
const REFERENCES = ['$ref', '$dynamicRef', '$recursiveRef']

/** Whether a part of the schema refers to another, so that it means nothing by itself. */
export function hasReferences(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return false
  if (REFERENCES.some((keyword) => keyword in schema)) return true
  return parts(schema as JsonSchema, '').some(([part]) => hasReferences(part))
}

/** @throws OPTION_INVALID for a schema of which JSON has no values, or with keywords that are not kept to */
export function refuseUnkept(schema: unknown, place = ''): void {
  if (typeof schema === 'boolean') return
  const at = place === '' ? 'The schema' : `The schema at ${place}`
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
    throw new OptionError(`${at} is no schema.`)
  const { type, format, pattern } = schema as JsonSchema
  for (const name of Array.isArray(type) ? type : type === undefined ? [] : [type]) {
    if (TYPES.has(name)) continue
    const advice =
      name === 'undefined' || name === 'void' ? 'Type.Optional says that a field may be absent' : 'use Type.String'
    throw new OptionError(`${at} is of type ${String(name)}, which JSON does not have; ${advice}.`)
  }
  if ('~codec' in schema)
    throw new OptionError(`${at} has a transformation (Type.Codec), which json() does not run; transform with map().`)
  if (format !== undefined && type !== 'number' && type !== 'integer') {
    if (typeof format !== 'string' || !isFormat(format))
      throw new OptionError(
        `${at} has the format '${String(format)}', which TypeBox does not know; add it by Format.Set.`,
      )
  }
  if (pattern !== undefined && typeof pattern !== 'string' && !(pattern instanceof RegExp))
    throw new OptionError(`${at} has a pattern that is neither text nor a regular expression.`)
  for (const keyword of [...COUNTS, ...BOUNDS]) {
    const value = (schema as JsonSchema)[keyword]
    if (value === undefined || (typeof value === 'number' && !Number.isNaN(value))) continue
    throw new OptionError(`${at} has the ${keyword} ${String(value)}, which is not a number.`)
  }
  for (const name of Object.keys((schema as { properties?: object }).properties ?? {})) {
    // TypeBox finds these in any object.
    if (!(name in Object.prototype) || name === 'constructor' || name === '__proto__') continue
    throw new OptionError(`${at} has a field ${name}, which every object inherits: it would never be missed.`)
  }
  for (const [part, name] of parts(schema as JsonSchema, place)) refuseUnkept(part, name)
}

/** The schemas directly within a schema, with their places. */
function parts(schema: JsonSchema, place: string): [part: unknown, place: string][] {
  const found: [unknown, string][] = []
  for (const keyword of IN_MAPS) {
    const map = schema[keyword]
    if (typeof map !== 'object' || map === null) continue
    for (const [name, part] of Object.entries(map)) {
      // What `dependencies` name may be a list of properties instead.
      if (!Array.isArray(part)) found.push([part, `${place}/${keyword}/${name}`])
    }
  }
  for (const keyword of IN_LISTS) {
    const list = schema[keyword]
    if (Array.isArray(list)) list.forEach((part, index) => void found.push([part, `${place}/${keyword}/${index}`]))
  }
  for (const keyword of ALONE) {
    const part = schema[keyword]
    if (part !== undefined && !Array.isArray(part)) found.push([part, `${place}/${keyword}`])
  }
  return found
}
