/** As TypeBox tells of what does not fit. */
interface SchemaError {
  readonly keyword: string
  readonly instancePath: string
  readonly message: string
  readonly params: object
}

const MOST_TOLD = 3
const LONGEST_VALUE = 60

/** What does not fit, with its place as a JSON pointer (RFC 6901) and what was found there. */
export function describeMismatch(errors: readonly SchemaError[], value: unknown): string {
  const told = errors.slice(0, MOST_TOLD).map((error) => describe(error, value))
  const more = errors.length - told.length
  return told.join('; ') + (more > 0 ? `; and ${more} more` : '')
}

function describe({ keyword, instancePath, message, params }: SchemaError, root: unknown): string {
  const found = at(root, instancePath)
  const place = instancePath === '' ? 'it' : instancePath
  if (keyword === 'required' && 'requiredProperties' in params && typeof found === 'object' && found !== null) {
    const missing = (params.requiredProperties as string[]).filter((name) => !Object.hasOwn(found, name))
    return `${place} has no ${missing.join(', ')}`
  }
  return `${place} ${message}, and is ${short(found)}`
}

function at(root: unknown, pointer: string): unknown {
  let value = root
  for (const part of pointer.split('/').slice(1)) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<string, unknown>)[part.replaceAll('~1', '/').replaceAll('~0', '~')]
  }
  return value
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'absent'
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text
}
