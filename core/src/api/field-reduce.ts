/** Values that have an order. */
export type Ordered = number | string | bigint | Date

export type Reduce<T> = (left: T, right: T) => T

/** Of two records the one with the lesser value, or the right one with that value. */
export function least<Field extends PropertyKey>(field: Field, keepsOthers: boolean): Reduce<Record<Field, Ordered>> {
  return (left, right) => {
    if (right[field] < left[field]) return right
    return keepsOthers ? { ...right, [field]: left[field] } : left
  }
}

export function greatest<Field extends PropertyKey>(
  field: Field,
  keepsOthers: boolean,
): Reduce<Record<Field, Ordered>> {
  return (left, right) => {
    if (right[field] > left[field]) return right
    return keepsOthers ? { ...right, [field]: left[field] } : left
  }
}

/** The sum of a field, with the other fields of the right record. */
export function sum<Field extends PropertyKey>(field: Field): Reduce<Record<Field, number>> {
  return (left, right) => ({ ...right, [field]: left[field] + right[field] })
}
