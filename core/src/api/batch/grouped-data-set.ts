import { OptionError } from '../../errors.ts'
import { type CombineGroup, CombineGroupOperator } from '../../operator/batch/combine-group-operator.ts'
import { reducingFold } from '../../operator/batch/fold.ts'
import { GroupOperator, type GroupOrder } from '../../operator/batch/group-operator.ts'
import type { LogicalEdge } from '../../plan/logical-graph.ts'
import type { Serde } from '../../serde/serde.ts'
import type { Aggregate } from '../../state/keyed/descriptor.ts'
import type { Ordered } from '../field-reduce.ts'
import type { AddOperator } from './bounded-spec.ts'
import type { DataSet } from './data-set.ts'
import { type AggregateOptions, aggregateSpec, foldSpec } from './fold-spec.ts'
import { inOrderOf, type SortKey, sortOrder } from './sort-keys.ts'

/** A data set whose records belong to groups, by keys of type `K`. */
export class GroupedDataSet<K, T> {
  readonly #input: LogicalEdge
  readonly #key: (value: unknown) => unknown
  readonly #serde: Serde<T>
  readonly #add: AddOperator
  readonly #within: GroupOrder | null

  /** @internal */
  constructor(
    input: LogicalEdge,
    key: (value: unknown) => unknown,
    serde: Serde<T>,
    add: AddOperator,
    within: GroupOrder | null = null,
  ) {
    this.#input = input
    this.#key = key
    this.#serde = serde
    this.#add = add
    this.#within = within
  }

  /**
   * Each group as one record. The function must give the same whatever the order and the grouping of its calls. `forwards` names fields
   * that it does not change, a promise which nothing checks; `all` when it gives one of the two records.
   */
  reduce(
    reduce: (left: T, right: T) => T,
    { forwards = [] }: { readonly forwards?: 'all' | readonly (keyof T & string)[] } = {},
  ): DataSet<T> {
    const fold = reducingFold(reduce, this.#serde)
    const options = { key: this.#key, fold, result: (record: unknown) => [record], ofNothing: null }
    const traits = { forwards, isReducing: true, identity: [this.#key, reduce] }
    return this.#add({ ...foldSpec('group-reduce', this.#input, options), traits }, this.#serde)
  }

  /**
   * Folds each group into a value, with its key unless `map` makes something else of them. With `merge`, each task folds its own records
   * before they travel.
   */
  aggregate<Accumulator, Result>(aggregate: Aggregate<T, Accumulator, Result>): DataSet<readonly [K, Result]>
  aggregate<Accumulator, Result, Out>(
    aggregate: Aggregate<T, Accumulator, Result>,
    map: (result: Result, key: K) => Out,
  ): DataSet<Out>
  aggregate<Accumulator, Result, Out>(
    aggregate: Aggregate<T, Accumulator, Result>,
    map?: (result: Result, key: K) => Out,
  ): DataSet<Out> | DataSet<readonly [K, Result]> {
    const each = (value: Result, key: unknown): readonly unknown[] => [
      map === undefined ? [key, value] : map(value, key as K),
    ]
    const spec = aggregateSpec(this.#input, this.#key, aggregate, this.#aggregateOptions, each)
    return this.#add<Out>({ ...spec, traits: { isReducing: true } })
  }

  /** How many records each group has. */
  count(): DataSet<readonly [K, number]> {
    return this.aggregate({
      create: () => 0,
      add: (count) => count + 1,
      merge: (left, right) => left + right,
      result: (count) => count,
    })
  }

  /**
   * A function of all records of each group: any number of results. They are read as the function asks for them, once, so a group may
   * be larger than memory.
   *
   * With `combine`, each task makes fewer records of those that it has of a group before they travel; as often as it likes, so
   * `reduceGroup` must give the same for what was combined and for what was not.
   *
   * @example
   * visits.groupBy('page').reduceGroup(topThree, { combine: topThree })
   */
  reduceGroup<Out>(
    reduceGroup: (values: Iterable<T>, key: K) => Iterable<Out>,
    { combine }: { combine?(values: Iterable<T>, key: K): Iterable<T> } = {},
  ): DataSet<Out> {
    const run = reduceGroup as (values: Iterable<unknown>, key: unknown) => Iterable<unknown>
    const serde = this.#serde as Serde<unknown>
    const options = { key: this.#key, within: this.#within, serde, reduceGroup: run, ofNothing: null }
    const combiner =
      combine === undefined
        ? null
        : {
            gather: () => new CombineGroupOperator(this.#key, combine as CombineGroup),
            key: this.#key,
            value: serde,
          }
    return this.#add<Out>({
      type: 'reduce-group',
      inputs: [this.#input],
      create: () => new GroupOperator(options),
      combiner,
    })
  }

  /** The records of each group in this order, for the function that follows. */
  sortGroup(...keys: readonly SortKey<T>[]): GroupedDataSet<K, T> {
    const order = sortOrder(keys)
    const within = this.#within === null ? order : inOrderOf(this.#within, order)
    return new GroupedDataSet<K, T>(this.#input, this.#key, this.#serde, this.#add, within)
  }

  /** At most so many records of each group: the first ones behind `sortGroup`, else any. @throws OPTION_INVALID */
  first(count: number): DataSet<T> {
    if (!(Number.isSafeInteger(count) && count >= 0)) {
      throw new OptionError(`first: the count is ${count}; it must be a whole number of 0 or more.`)
    }
    if (this.#within !== null) {
      return this.reduceGroup(function* (values) {
        let left = count
        if (left === 0) return
        for (const value of values) {
          yield value
          if (--left === 0) return
        }
      })
    }
    const firsts: Aggregate<T, T[], readonly T[]> = {
      create: () => [],
      add(held, value) {
        if (held.length < count) held.push(value)
        return held
      },
      merge: (left, right) => [...left, ...right].slice(0, count),
      result: (held) => held,
    }
    const spec = aggregateSpec(this.#input, this.#key, firsts, this.#aggregateOptions, (held) => held)
    return this.#add({ ...spec, traits: { forwards: 'all', isReducing: true } }, this.#serde)
  }

  /** The record of each group with the least value of a field. */
  minBy<const Field extends PropertyKey>(
    this: GroupedDataSet<K, T & Record<Field, Ordered>>,
    field: Field,
  ): DataSet<T> {
    return this.reduce((left, right) => (right[field] < left[field] ? right : left), {
      forwards: 'all',
    }) as unknown as DataSet<T>
  }

  /** The record of each group with the greatest value of a field. */
  maxBy<const Field extends PropertyKey>(
    this: GroupedDataSet<K, T & Record<Field, Ordered>>,
    field: Field,
  ): DataSet<T> {
    return this.reduce((left, right) => (right[field] > left[field] ? right : left), {
      forwards: 'all',
    }) as unknown as DataSet<T>
  }

  get #aggregateOptions(): AggregateOptions {
    return { serde: this.#serde as Serde<unknown>, within: this.#within, ofNothing: null }
  }
}
