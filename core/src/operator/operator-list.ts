import { msgpack } from '../serde/msgpack.ts'
import type { Serde } from '../serde/serde.ts'
import type { ListDescriptor, StateDescriptors } from '../state/keyed/descriptor.ts'

/** A list that belongs to a task of an operator, not to a key. */
export interface OperatorListDescriptor<T> extends ListDescriptor<T> {
  readonly redistribute: 'split' | 'union'
}

export type OperatorListDescriptors = Readonly<
  Record<string, StateDescriptors[string] & { readonly redistribute: 'split' | 'union' }>
>

export interface OperatorListOptions<T> {
  /** @default msgpack() */
  readonly serde?: Serde<T>
  /** When the number of tasks changes: items are dealt out among them, or all of them get everything. @default 'split' */
  readonly redistribute?: 'split' | 'union'
}

/**
 * State of a task, for functions without keys: what is buffered, how far something has come. Written as a whole with each
 * epoch in which it changed, so it should be small.
 *
 * @example
 * operatorState: { waiting: operatorListState<Payment>() }
 */
export function operatorListState<T>(options: OperatorListOptions<T> = {}): OperatorListDescriptor<T> {
  return { kind: 'list', serde: options.serde ?? msgpack<T>(), redistribute: options.redistribute ?? 'split' }
}
