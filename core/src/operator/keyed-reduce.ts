import type { Serde } from '../serde/serde.ts'
import { reducingState } from '../state/keyed/descriptor.ts'
import { KeyedProcessOperator } from './keyed-process.ts'
import type { Operator } from './operator.ts'

/** Folds each record into one value for its key, and emits that value. */
export function keyedReduce<T>(
  key: (value: T) => unknown,
  reduce: (left: T, right: T) => T,
  serde: Serde<T>,
): Operator {
  const state = { value: reducingState(reduce, { serde }) }
  return new KeyedProcessOperator({
    state,
    onTimer: null,
    open: null,
    close: null,
    inputs: [
      {
        key: key as (value: never) => unknown,
        onRecord: (value: never, context, out) => {
          const held = (context.state as unknown as { value: { get(): never; add(value: never): void } }).value
          held.add(value)
          out.emit(held.get())
        },
      },
    ],
  })
}
