import { CombineOperator } from '../../operator/batch/combine-operator.ts'
import { aggregatingFold } from '../../operator/batch/fold.ts'
import { FoldOperator, type FoldOptions } from '../../operator/batch/fold-operator.ts'
import { GroupOperator, type GroupOrder } from '../../operator/batch/group-operator.ts'
import { type KeyedPartial, keyedPartialSerde } from '../../operator/batch/keyed-partial.ts'
import type { Combiner, LogicalEdge } from '../../plan/logical-graph.ts'
import { msgpack } from '../../serde/msgpack.ts'
import type { Serde } from '../../serde/serde.ts'
import type { Aggregate } from '../../state/keyed/descriptor.ts'
import type { BoundedSpec } from './bounded-spec.ts'

export interface AggregateOptions {
  readonly serde: Serde<unknown>
  /** Order of the records within a group; null for any. */
  readonly within: GroupOrder | null
  /** The key that has a result even when there is no record; null when there is none. */
  readonly ofNothing: unknown
}

/** A grouping whose records are folded as they come, at their own task before they travel. */
export function foldSpec(type: string, input: LogicalEdge, options: FoldOptions): BoundedSpec {
  const { key, fold } = options
  const combiner: Combiner = {
    gather: () => new CombineOperator(key, fold),
    key: (value) => (value as KeyedPartial).key,
    value: keyedPartialSerde(fold.serde) as Serde<unknown>,
  }
  return { type, inputs: [input], create: () => new FoldOperator(options), combiner }
}

/** Each group folded by an aggregate; one that does not merge reads its group sorted by key, record by record. */
export function aggregateSpec<T, Accumulator, Result>(
  input: LogicalEdge,
  key: (value: unknown) => unknown,
  aggregate: Aggregate<T, Accumulator, Result>,
  { serde, within, ofNothing }: AggregateOptions,
  map: (result: Result, key: unknown) => Iterable<unknown>,
): BoundedSpec {
  const { create, add, merge, result } = aggregate
  // Records that are folded where they are lose their order.
  if (merge !== undefined && within === null) {
    return foldSpec('group-aggregate', input, {
      key,
      fold: aggregatingFold(aggregate, merge, aggregate.serde ?? msgpack<Accumulator>()),
      result: (accumulator, own) => map(result(accumulator as Accumulator), own),
      ofNothing: ofNothing === null ? null : { key: ofNothing, accumulator: create },
    })
  }
  const reduceGroup = (values: Iterable<unknown>, own: unknown): Iterable<unknown> => {
    let accumulator = create()
    for (const value of values) accumulator = add(accumulator, value as T)
    return map(result(accumulator), own)
  }
  const ofEmpty = ofNothing === null ? null : { key: ofNothing, results: () => map(result(create()), ofNothing) }
  const options = { key, within, serde, reduceGroup, ofNothing: ofEmpty }
  return { type: 'group-aggregate', inputs: [input], create: () => new GroupOperator(options) }
}
