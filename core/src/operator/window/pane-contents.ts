import { GraphError } from '../../errors.ts'
import type { Serde } from '../../serde/serde.ts'
import type { Aggregate } from '../../state/keyed/descriptor.ts'

/** How values gather in a pane. `elements` are stored one by one, so that a growing window is not written as a whole. */
export interface PaneContents {
  readonly kind: 'accumulator' | 'elements'
  /** Of the accumulator, or of one element. */
  readonly serde: Serde<unknown>
  add(contents: unknown, value: unknown): unknown
  merge(left: unknown, right: unknown): unknown
  result(contents: unknown): unknown
}

export function reducing<T>(reduce: (left: T, right: T) => T, serde: Serde<T>): PaneContents {
  const fold = reduce as (left: unknown, right: unknown) => unknown
  return {
    kind: 'accumulator',
    serde: serde as Serde<unknown>,
    add: (contents, value) => (contents === undefined ? value : fold(contents, value)),
    merge: fold,
    result: (contents) => contents,
  }
}

export function aggregating<In, Accumulator, Out>(
  aggregate: Aggregate<In, Accumulator, Out>,
  serde: Serde<Accumulator>,
): PaneContents {
  const { create, add, merge, result } = aggregate as unknown as Aggregate<unknown, unknown, unknown>
  return {
    kind: 'accumulator',
    serde: serde as Serde<unknown>,
    add: (contents, value) => add(contents === undefined ? create() : contents, value),
    merge(left, right) {
      if (merge !== undefined) return merge(left, right)
      throw new GraphError('The aggregate has no merge, which session windows need.')
    },
    result,
  }
}

export function gathering<T>(serde: Serde<T>): PaneContents {
  return {
    kind: 'elements',
    serde: serde as Serde<unknown>,
    add(contents, value) {
      if (contents === undefined) return [value]
      ;(contents as unknown[]).push(value)
      return contents
    },
    merge: (left, right) => [...(left as unknown[]), ...(right as unknown[])],
    result: (contents) => contents,
  }
}
