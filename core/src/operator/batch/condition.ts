import { compareValues } from './memory/compare-values.ts'

/** What a field of a record is compared with. */
export type Comparable = number | string | bigint | boolean | Date

/** A comparison of a field with a constant: filters of this form can be read by sources, functions can not. */
export interface Condition {
  readonly field: string
  readonly operator: '=' | '!=' | '<' | '<=' | '>' | '>='
  readonly value: Comparable
}

/**
 * Whether a record meets a condition. Values of different types are in no order, and NaN is in none: nothing but `!=` holds of them.
 * Sources that leave records out must not leave out one that this keeps.
 */
export function meets({ field, operator, value }: Condition): (record: unknown) => boolean {
  const holds = comparisons[operator]
  if (isUnordered(value)) return () => operator === '!='
  return (record) => {
    const own = (record as Record<string, unknown>)[field]
    if (own === null || own === undefined || !isAlike(own, value) || isUnordered(own)) return operator === '!='
    return holds(compareValues(own, value))
  }
}

function isAlike(own: unknown, value: Comparable): boolean {
  return typeof own === typeof value && own instanceof Date === value instanceof Date
}

function isUnordered(value: unknown): boolean {
  return Number.isNaN(value instanceof Date ? value.getTime() : value)
}

const comparisons: Readonly<Record<Condition['operator'], (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
}
