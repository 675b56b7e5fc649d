import type { Collector } from '../operator/process-function.ts'
import type { Serde } from '../serde/serde.ts'
import { type ValueDescriptor, valueState } from '../state/keyed/descriptor.ts'
import type { DataStream } from './data-stream.ts'
import type { KeyedStream } from './keyed-stream.ts'

export interface ConstantOptions<C> {
  /** How the records of one key are written, together. @default msgpack() */
  readonly serde?: Serde<readonly C[]>
}

/**
 * Records of a loop and, for each, what came of its key from outside. The latter are one value of each key: as a list state they
 * would be stored one by one, which takes many times the room and never pays off, since they do not change.
 */
export function constantJoin<K, T, C, Out>(
  records: KeyedStream<K, T>,
  constants: KeyedStream<K, C>,
  meet: (record: T, constants: readonly C[], out: Collector<Out>) => void,
  options: ConstantOptions<C>,
): DataStream<Out> {
  type State = { readonly constants: ValueDescriptor<C[]> }
  return records.connect(constants).process<Out, State>({
    state: { constants: valueState<C[]>(options as { readonly serde?: Serde<C[]> }) },
    onLeft: (record, { state }, out) => meet(record, state.constants.get() ?? [], out),
    onRight(constant, { state }) {
      const known = state.constants.get() ?? []
      known.push(constant)
      state.constants.set(known)
    },
  })
}
