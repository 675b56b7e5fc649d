const HEADER = 16
const NUMBER = 16
const PER_FIELD = 8
const OBJECT = 24
const MAX_DEPTH = 16

/**
 * About how many bytes a value takes on the heap: an estimate from its parts as V8 lays them out, without what values share.
 * Every part is looked at, so that a few large values among many small ones count.
 */
export function sizeOf(value: unknown, depth = 0): number {
  switch (typeof value) {
    case 'string':
      return HEADER + ((value.length + 7) & ~7)
    case 'number':
      return NUMBER
    case 'bigint':
      return NUMBER + 8
    case 'object':
      return value === null || depth === MAX_DEPTH ? PER_FIELD : sizeOfObject(value, depth + 1)
    default:
      return PER_FIELD
  }
}

function sizeOfObject(value: object, depth: number): number {
  let size = OBJECT
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) size += PER_FIELD + sizeOf(value[at], depth)
    return size + HEADER
  }
  if (ArrayBuffer.isView(value)) return 96 + value.byteLength
  if (value instanceof Date) return 40
  if (value instanceof Map) {
    for (const [key, held] of value) size += 3 * PER_FIELD + sizeOf(key, depth) + sizeOf(held, depth)
    return size + 64
  }
  if (value instanceof Set) {
    for (const held of value) size += 2 * PER_FIELD + sizeOf(held, depth)
    return size + 64
  }
  for (const name in value) size += PER_FIELD + sizeOf((value as Record<string, unknown>)[name], depth)
  return size
}
