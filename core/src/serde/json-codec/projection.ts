import type { TSchema } from 'typebox'
import { OptionError } from '../../errors.ts'
import { type Rule, ruleOf } from './rule.ts'
import type { PropertyShape, Shape } from './shape.ts'

/** What a codec is made of. */
export interface Projected {
  readonly schema: TSchema
  readonly read: Shape
  readonly written: Shape
  /** Of all that is looked at in what is read. */
  readonly rule: Rule
}

interface Properties {
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly required?: readonly string[]
}

/**
 * The same with some properties only. Where the schema speaks of each property by itself, the others are passed over; where it
 * speaks of the object as a whole (alternatives, refinements, references), all of it is decoded and checked, and then picked from.
 */
export function projectShape({ schema, read, rule }: Projected, fields: readonly string[]): Projected {
  const { properties, required = [] } = schema as Properties
  for (const field of properties === undefined ? [] : fields) {
    if (Object.hasOwn(properties as object, field)) continue
    throw new OptionError(`The schema has no field '${field}'; it has ${Object.keys(properties as object).join(', ')}.`)
  }
  if (read.kind === 'object') {
    const chosen = read.properties.filter(({ name }) => fields.includes(name))
    const narrowed = {
      type: 'object',
      properties: Object.fromEntries(chosen.map(({ name }) => [name, properties?.[name]])),
      required: required.filter((name) => fields.includes(name)),
    } as unknown as TSchema
    const shape: Shape = { kind: 'object', isClosed: false, properties: chosen, order: read.order }
    return { schema: narrowed, read: shape, written: shape, rule: ruleOf(narrowed) }
  }
  const own = read.kind === 'any' && read.kept?.kind === 'object' ? read.kept.properties : []
  const kept: Shape = {
    kind: 'object',
    isClosed: false,
    order: fields,
    properties: [...new Set(fields)].map(
      (name): PropertyShape =>
        own.find((property) => property.name === name) ?? {
          name,
          shape: { kind: 'any', rule: null, kept: null },
          isOptional: true,
        },
    ),
  }
  // Part of a value cannot be checked as a whole again.
  return { schema, read: { kind: 'any', rule, kept }, written: { kind: 'any', rule: null, kept }, rule }
}
