import type { ByteWriter } from '../../serde/byte-writer.ts'
import type { Serde } from '../../serde/serde.ts'
import type { Aggregate } from '../../state/keyed/descriptor.ts'
import type { WindowElement } from './evictor.ts'

/** How values gather in a pane. `elements` are stored one by one, so that a growing window is not written as a whole. */
export interface PaneContents {
  readonly kind: 'accumulator' | 'elements'
  /** Of the accumulator, or of one element. */
  readonly serde: Serde<unknown>
  add(contents: unknown, value: unknown, timestamp: number): unknown
  /** Null where two cannot be joined. May change and give back the left one, which may be undefined; keeps the right one as it is. */
  readonly merge: ((left: unknown, right: unknown) => unknown) | null
  result(contents: unknown): unknown
}

export function reducing<T>(reduce: (left: T, right: T) => T, serde: Serde<T>): PaneContents {
  const fold = reduce as (left: unknown, right: unknown) => unknown
  const add = (contents: unknown, value: unknown): unknown => (contents === undefined ? value : fold(contents, value))
  return { kind: 'accumulator', serde: serde as Serde<unknown>, add, merge: add, result: (contents) => contents }
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
    merge: merge === undefined ? null : (left, right) => merge(left === undefined ? create() : left, right),
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
    merge: joined,
    result: (contents) => contents,
  }
}

/** As `gathering`, with the time of each value, for evictors. The result is the values alone. */
export function gatheringElements<T>(serde: Serde<T>): PaneContents {
  return {
    kind: 'elements',
    serde: elementSerde(serde) as Serde<unknown>,
    add(contents, value, timestamp) {
      const element = { value, timestamp }
      if (contents === undefined) return [element]
      ;(contents as unknown[]).push(element)
      return contents
    },
    merge: joined,
    result: (contents) => (contents as WindowElement<unknown>[]).map(({ value }) => value),
  }
}

function joined(left: unknown, right: unknown): unknown {
  return left === undefined ? [...(right as unknown[])] : [...(left as unknown[]), ...(right as unknown[])]
}

/** The timestamp as float64, then the value. */
function elementSerde<T>(serde: Serde<T>): Serde<WindowElement<T>> {
  return {
    format: `element@1+${serde.format}`,
    encode({ value, timestamp }: WindowElement<T>, target: ByteWriter): void {
      target.writeFloat64(timestamp)
      serde.encode(value, target)
    },
    decode: (bytes: Buffer, start: number, end: number): WindowElement<T> => ({
      timestamp: bytes.readDoubleBE(start),
      value: serde.decode(bytes, start + 8, end),
    }),
  }
}
