import type { Serde } from '../../serde/serde.ts'
import type { Aggregate } from '../../state/keyed/descriptor.ts'

/** How the records of a group become one value, in any order and in parts. */
export interface Fold {
  /** The accumulator of the first record. */
  readonly first: (value: unknown) => unknown
  /** May change the accumulator in place. */
  readonly add: (accumulator: unknown, value: unknown) => unknown
  readonly merge: (left: unknown, right: unknown) => unknown
  readonly serde: Serde<unknown>
}

export function reducingFold<T>(reduce: (left: T, right: T) => T, serde: Serde<T>): Fold {
  const fold = reduce as (left: unknown, right: unknown) => unknown
  return { first: (value) => value, add: fold, merge: fold, serde: serde as Serde<unknown> }
}

export function aggregatingFold<In, Accumulator>(
  { create, add }: Aggregate<In, Accumulator, unknown>,
  merge: (left: Accumulator, right: Accumulator) => Accumulator,
  serde: Serde<Accumulator>,
): Fold {
  const fold = add as (accumulator: unknown, value: unknown) => unknown
  return {
    first: (value) => fold(create(), value),
    add: fold,
    merge: merge as (left: unknown, right: unknown) => unknown,
    serde: serde as Serde<unknown>,
  }
}
