import { keyBytes } from '../../../serde/key-codec.ts'

/** Kinds of values that have an order, in the order in which kinds follow each other. */
function rank(value: unknown): number {
  switch (typeof value) {
    case 'boolean':
      return 0
    case 'number':
      return 1
    case 'bigint':
      return 2
    case 'string':
      return 3
    case 'object':
      if (value === null) return 8
      if (value instanceof Date) return 4
      if (ArrayBuffer.isView(value)) return 5
      return Array.isArray(value) ? 6 : 7
    default:
      return 8
  }
}

/**
 * A total order of keys: numbers and dates by value, NaN after all other numbers, strings by their UTF-16 units, arrays by their
 * elements, objects by their serialized form; null and undefined after everything. 0 exactly for keys that are equal.
 */
export function compareValues(left: unknown, right: unknown): number {
  if (typeof left === 'number' && typeof right === 'number') {
    if (left < right) return -1
    if (left > right) return 1
    if (left === right) return 0
    return Number(Number.isNaN(left)) - Number(Number.isNaN(right))
  }
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : left > right ? 1 : 0
  const kind = rank(left)
  const other = rank(right)
  return kind === other ? compareAlike(kind, left, right) : kind - other
}

function compareAlike(kind: number, left: unknown, right: unknown): number {
  switch (kind) {
    case 0:
      return Number(left) - Number(right)
    case 2:
      return (left as bigint) < (right as bigint) ? -1 : (left as bigint) > (right as bigint) ? 1 : 0
    case 4:
      return compareValues((left as Date).getTime(), (right as Date).getTime())
    case 5:
      return Buffer.compare(left as Uint8Array, right as Uint8Array)
    case 6:
      return compareArrays(left as readonly unknown[], right as readonly unknown[])
    case 7:
      return Buffer.compare(keyBytes(left), keyBytes(right))
    default:
      return 0
  }
}

function compareArrays(left: readonly unknown[], right: readonly unknown[]): number {
  const shared = Math.min(left.length, right.length)
  for (let at = 0; at < shared; at++) {
    const order = compareValues(left[at], right[at])
    if (order !== 0) return order
  }
  return left.length - right.length
}
