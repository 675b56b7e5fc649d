import type { GroupOrder } from '../../operator/batch/group-operator.ts'
import { compareValues } from '../../operator/batch/memory/compare-values.ts'
import type { Comparison } from '../../operator/batch/sort-operator.ts'

/** What to sort by: a field or a function of the record, ascending unless it says otherwise. */
export type SortKey<T> = keyof T | ((value: T) => unknown) | SortBy<T>

export interface SortBy<T> {
  readonly by: keyof T | ((value: T) => unknown)
  /** @default 'ascending' */
  readonly order?: 'ascending' | 'descending'
}

/** The keys of a record as one, and their order. */
export interface SortOrder {
  readonly key: (value: unknown) => unknown
  readonly compareKeys: Comparison
  /** Key functions, each followed by whether it ascends: the same for the same order. */
  readonly parts: readonly unknown[]
}

/** One function for each field, so that what is keyed twice by a field is known to be keyed alike. */
const byField = new Map<PropertyKey, (value: unknown) => unknown>()

/** A key by field or function. */
export function keyOf<T>(by: keyof T | ((value: T) => unknown)): (value: unknown) => unknown {
  if (typeof by === 'function') return by as (value: unknown) => unknown
  let key = byField.get(by)
  if (key === undefined) {
    key = (value) => (value as Record<PropertyKey, unknown>)[by]
    byField.set(by, key)
  }
  return key
}

export function sortOrder<T>(keys: readonly SortKey<T>[]): SortOrder {
  const parts = keys.map((key) => {
    const { by, order = 'ascending' } = typeof key === 'object' ? key : { by: key as keyof T | ((value: T) => unknown) }
    return { key: keyOf(by), sign: order === 'ascending' ? 1 : -1 }
  })
  const identity = parts.flatMap(({ key, sign }) => [key, sign === 1])
  const [first] = parts
  if (parts.length === 1 && first !== undefined) {
    const { key, sign } = first
    const compareKeys: Comparison = sign === 1 ? compareValues : (left, right) => compareValues(right, left)
    return { key, compareKeys, parts: identity }
  }
  const compareKeys: Comparison = (left, right) => {
    for (let at = 0; at < parts.length; at++) {
      const order = compareValues((left as unknown[])[at], (right as unknown[])[at])
      if (order !== 0) return order * (parts[at]?.sign ?? 1)
    }
    return 0
  }
  return { key: (value) => parts.map(({ key }) => key(value)), compareKeys, parts: identity }
}

/** Ordered by the first, and where that is equal by the second. */
export function inOrderOf(first: GroupOrder, second: GroupOrder): GroupOrder {
  return {
    key: (value) => [first.key(value), second.key(value)],
    compareKeys: (left, right) => {
      const [own, next] = left as readonly [unknown, unknown]
      const [otherOwn, otherNext] = right as readonly [unknown, unknown]
      return first.compareKeys(own, otherOwn) || second.compareKeys(next, otherNext)
    },
  }
}
