import { AccumulatorSink } from '../../connector/accumulator.ts'
import type { CollectTarget } from '../../connector/collect.ts'
import type { Sink } from '../../connector/sink.ts'
import type { Comparable, Condition } from '../../connector/source.ts'
import { OptionError } from '../../errors.ts'
import { CoGroupOperator } from '../../operator/batch/co-group-operator.ts'
import { CrossOperator } from '../../operator/batch/cross-operator.ts'
import { numberedSerde } from '../../operator/batch/numbered.ts'
import { SampleOperator, UniqueIdOperator, WeightOperator } from '../../operator/batch/numbering-operator.ts'
import { type PartitionContext, PartitionOperator } from '../../operator/batch/partition-operator.ts'
import { SortOperator } from '../../operator/batch/sort-operator.ts'
import type { JoinMap, JoinType } from '../../operator/join/join-type.ts'
import type { Operator } from '../../operator/operator.ts'
import type { LogicalEdge, Partitioning } from '../../plan/logical-graph.ts'
import { msgpack } from '../../serde/msgpack.ts'
import type { Serde } from '../../serde/serde.ts'
import type { Aggregate } from '../../state/keyed/descriptor.ts'
import type { DataStream } from '../data-stream.ts'
import type { Ordered } from '../field-reduce.ts'
import type { SinkHandle } from '../sink-handle.ts'
import type { AddOperator } from './bounded-spec.ts'
import { BroadcastSets } from './broadcast-sets.ts'
import { aggregateSpec } from './fold-spec.ts'
import { GroupedDataSet } from './grouped-data-set.ts'
import { type JoinKeys, type JoinSetOptions, joinSpec } from './join-spec.ts'
import { drawn, indexed, rangePartitioned } from './placement.ts'
import { keyOf, type SortKey, sortOrder } from './sort-keys.ts'

const forward: Partitioning = { kind: 'forward' }

const counting: Aggregate<unknown, number, number> = {
  create: () => 0,
  add: (count) => count + 1,
  merge: (left, right) => left + right,
  result: (count) => count,
}

const keepFirst = <T>(kept: T): T => kept

export interface SampleOptions {
  /** The same seed draws the same records, while the partitions of the data stay the same. @default 0 */
  readonly seed?: number
  /** A record may be drawn several times. @default false */
  readonly withReplacement?: boolean
}

/**
 * A bounded stream, as a whole: it can be sorted, grouped and joined. From `stream.bounded()`; `stream()` leads back. It is the same
 * graph and the same runtime; what needs all of its input waits for the end of it.
 *
 * What operators hold stays within `memoryBudget`; the rest goes to temporary files. Where records travel or are written to such
 * files, they do so by the serde that the data set was made with.
 */
export class DataSet<T> {
  readonly #stream: DataStream<T>
  readonly #serde: Serde<T>
  readonly #add: AddOperator = (spec, serde) =>
    new DataSet(this.#stream.withOperator({ stateful: true, ...spec, bounded: true }), serde)

  /** @internal */
  constructor(stream: DataStream<T>, serde: Serde<T> = msgpack<T>()) {
    this.#stream = stream
    this.#serde = serde
  }

  /** How records travel and are written to temporary files. */
  get serde(): Serde<T> {
    return this.#serde
  }

  /** The same records as a stream. They have no event time behind an operator that needs all of its input. */
  stream(): DataStream<T> {
    return this.#stream
  }

  /** Gives the operator a name of its own among all versions of the job. */
  uid(uid: string): this {
    this.#stream.uid(uid)
    return this
  }

  /** A name for people, shown in plans, metrics and errors. */
  named(name: string): this {
    this.#stream.named(name)
    return this
  }

  /**
   * One record for each. `forwards` names fields that come out as they came in, a promise which nothing checks: where the data is
   * partitioned by one of them already, it need not be again.
   */
  map<Out>(
    map: (value: T) => Out,
    options: { readonly forwards?: readonly (keyof T & keyof Out)[] } = {},
  ): DataSet<Out> {
    return new DataSet(this.#stream.map(map, options))
  }

  filter<Kept extends T>(keep: (value: T) => value is Kept): DataSet<Kept>
  filter(keep: (value: T) => boolean): DataSet<T>
  filter(keep: (value: T) => boolean): DataSet<T> {
    return new DataSet(this.#stream.filter(keep), this.#serde)
  }

  /**
   * Keeps the records whose field compares so with a constant, by the order that `sort` has. Sources that can do so leave the others
   * out themselves: Parquet files skip what their statistics rule out.
   *
   * @example
   * env.source(readFiles('items/*.parquet', parquet<Item>())).bounded().where('price', '>=', 100)
   */
  where<const Field extends keyof T & string>(
    field: Field,
    operator: Condition['operator'],
    value: T[Field] & Comparable,
  ): DataSet<T> {
    return new DataSet(this.#stream.where({ field, operator, value }), this.#serde)
  }

  /** Any number of records for each, in order. */
  flatMap<Out>(flatMap: (value: T) => Iterable<Out>): DataSet<Out> {
    return new DataSet(this.#stream.flatMap(flatMap))
  }

  /** Only these fields of every record. */
  project<const Field>(...fields: readonly (Field & keyof T)[]): DataSet<Pick<T, Field & keyof T>> {
    return new DataSet(this.#stream.project(...fields))
  }

  /**
   * A function of all records that one task has. They are read as the function asks for them, and can be read again.
   *
   * @example
   * measured.mapPartition(function* (values, { index }) { yield { index, largest: Math.max(...values) } })
   */
  mapPartition<Out>(mapPartition: (values: Iterable<T>, context: PartitionContext) => Iterable<Out>): DataSet<Out> {
    const run = mapPartition as (values: Iterable<unknown>, context: PartitionContext) => Iterable<unknown>
    return this.#then('map-partition', () => new PartitionOperator(run, this.#untyped))
  }

  /** These records and those of others. */
  union(...others: readonly DataSet<T>[]): DataSet<T> {
    return new DataSet(this.#stream.union(...others.map((other) => other.#stream)), this.#serde)
  }

  /**
   * Brings the records of each key together.
   *
   * @example
   * lines.flatMap((line) => line.split(' ')).groupBy((word) => word).count()
   */
  groupBy<K>(key: (value: T) => K): GroupedDataSet<K, T>
  groupBy<const Field>(field: Field & keyof T): GroupedDataSet<T[Field & keyof T], T>
  groupBy<K>(by: ((value: T) => K) | keyof T): GroupedDataSet<K, T> {
    return new GroupedDataSet<K, T>(this.#stream.edge(this.#hash(by)), keyOf(by), this.#serde, this.#add)
  }

  /** One record of each value, or of each value of a key: which one is not said. */
  distinct(key?: keyof T | ((value: T) => unknown)): DataSet<T> {
    const by = key ?? ((value: T): unknown => value)
    return new GroupedDataSet<unknown, T>(this.#stream.edge(this.#hash(by)), keyOf(by), this.#serde, this.#add).reduce(
      keepFirst,
      { forwards: 'all' },
    )
  }

  /** All records as one. Nothing when there is none. */
  reduce(reduce: (left: T, right: T) => T): DataSet<T> {
    return this.#all().reduce(reduce)
  }

  /** All records folded into one value, also when there is none. With `merge`, each task folds its own first. */
  aggregate<Accumulator, Out>(aggregate: Aggregate<T, Accumulator, Out>): DataSet<Out> {
    const key = (): 'all' => 'all'
    const options = { serde: this.#untyped, within: null, ofNothing: 'all' }
    return this.#add<Out>(aggregateSpec(this.#stream.edge(this.#hash(key)), key, aggregate, options, (one) => [one]))
  }

  /** How many records there are: one number, also when there is none. */
  count(): DataSet<number> {
    return this.aggregate(counting)
  }

  /** The record with the least value of a field. */
  minBy<const Field extends PropertyKey>(this: DataSet<T & Record<Field, Ordered>>, field: Field): DataSet<T> {
    return this.reduce((left, right) => (right[field] < left[field] ? right : left)) as unknown as DataSet<T>
  }

  /** The record with the greatest value of a field. */
  maxBy<const Field extends PropertyKey>(this: DataSet<T & Record<Field, Ordered>>, field: Field): DataSet<T> {
    return this.reduce((left, right) => (right[field] > left[field] ? right : left)) as unknown as DataSet<T>
  }

  /** At most so many records: which ones is not said; see `sort`. */
  first(count: number): DataSet<T> {
    return this.#all().first(count)
  }

  /**
   * The records of both that have the same key. How it is computed is decided by the sizes, unless `strategy` says it.
   *
   * @example
   * orders.join(customers, { key: 'customer', by: 'id', type: 'left' }, (order, customer) => ({ ...order, name: customer?.name }))
   */
  join<Other, K, Out, const Type extends JoinType = 'inner'>(
    other: DataSet<Other>,
    options: JoinSetOptions<T, Other, K, Type>,
    map: JoinMap<T, Other, Out, Type>,
  ): DataSet<Out> {
    const untyped = map as (left: unknown, right: unknown) => unknown
    const spec = joinSpec(this.#stream, other.#stream, this.#untyped, other.#untyped, options, untyped)
    return this.#add(spec)
  }

  /**
   * A function of the records of each key on both sides; either side may have none.
   *
   * @example
   * left.coGroup(right, { key: 'id', by: 'id' }, (lefts, rights) => [[[...lefts].length, [...rights].length]])
   */
  coGroup<Other, K, Out>(
    other: DataSet<Other>,
    keys: JoinKeys<T, Other, K>,
    coGroup: (left: Iterable<T>, right: Iterable<Other>, key: K) => Iterable<Out>,
  ): DataSet<Out> {
    const left = { key: keyOf(keys.key), serde: this.#untyped }
    const right = { key: keyOf(keys.by), serde: other.#untyped }
    const run = coGroup as (left: Iterable<unknown>, right: Iterable<unknown>, key: unknown) => Iterable<unknown>
    return this.#add({
      type: 'co-group',
      inputs: [this.#stream.edge(this.#hash(keys.key)), other.#stream.edge(other.#hash(keys.by))],
      create: () => new CoGroupOperator(left, right, run),
    })
  }

  /** Every record with every one of another data set, all of which is sent to every task: it should be the smaller one. */
  cross<Other, Out>(other: DataSet<Other>, map: (left: T, right: Other) => Out): DataSet<Out> {
    const run = map as (left: unknown, right: unknown) => unknown
    return this.#add({
      type: 'cross',
      inputs: [this.#stream.edge(forward), other.#stream.edge(other.#broadcast)],
      create: () => new CrossOperator(run, this.#untyped, other.#untyped),
    })
  }

  /**
   * Other data sets, of which each function that follows sees all. Every task holds them in memory.
   *
   * @example
   * points.withSets({ centres }).map((point, { centres }) => nearest(point, centres))
   */
  withSets<Sets extends Readonly<Record<string, unknown>>>(
    sets: {
      readonly [Name in keyof Sets]: DataSet<Sets[Name]>
    },
  ): BroadcastSets<T, Sets> {
    const edges = Object.keys(sets).map((name): readonly [string, LogicalEdge] => {
      const set = sets[name as keyof Sets] as unknown as DataSet<unknown>
      return [name, set.#stream.edge(set.#broadcast)]
    })
    return new BroadcastSets<T, Sets>(this.#stream.edge(forward), this.#add, this.#untyped, edges)
  }

  /** To the task that owns the key. */
  partitionByHash(by: keyof T | ((value: T) => unknown)): DataSet<T> {
    return new DataSet(this.#stream.spread('partition-hash', this.#hash(by)), this.#serde)
  }

  /** To the task that the function names, from 0 to `tasks - 1`. */
  partitionBy(select: (value: T, tasks: number) => number): DataSet<T> {
    return new DataSet(this.#stream.partitionBy(select, { serde: this.#serde }), this.#serde)
  }

  /**
   * To the tasks by ranges of keys: all keys of a task come before those of the next one. The ranges are found by sampling, so that
   * they hold about the same number of records.
   */
  partitionByRange(...keys: readonly SortKey<T>[]): DataSet<T> {
    return new DataSet(rangePartitioned(this.#stream, this.#serde, sortOrder(keys)), this.#serde)
  }

  /** To all tasks in turn. */
  rebalance(): DataSet<T> {
    return new DataSet(this.#stream.rebalance({ serde: this.#serde }), this.#serde)
  }

  /** Sorts the records that each task has; equal ones stay as they came. */
  sortPartition(...keys: readonly SortKey<T>[]): DataSet<T> {
    const { key, compareKeys, parts } = sortOrder(keys)
    const create = (): Operator => new SortOperator(key, compareKeys, this.#untyped)
    const inputs = [this.#stream.edge(forward)]
    const traits = { forwards: 'all', isReducing: true, sorts: parts } as const
    return this.#add({ type: 'sort-partition', inputs, create, traits }, this.#serde)
  }

  /**
   * Sorts all records: each task has a range of the keys, in order, and those of a task come before those of the next one.
   *
   * @example
   * sales.sort('country', { by: 'total', order: 'descending' })
   */
  sort(...keys: readonly SortKey<T>[]): DataSet<T> {
    return this.partitionByRange(...keys).sortPartition(...keys)
  }

  /**
   * Draws each record with this probability; with replacement, this often on average.
   *
   * @throws OPTION_INVALID
   */
  sample(fraction: number, { seed = 0, withReplacement = false }: SampleOptions = {}): DataSet<T> {
    if (!(fraction >= 0 && (withReplacement || fraction <= 1) && fraction < Number.POSITIVE_INFINITY)) {
      throw new OptionError(`sample: the fraction is ${fraction}; it must be from 0 to 1, or above with replacement.`)
    }
    const create = (): Operator => new SampleOperator<unknown>(fraction, withReplacement, seed) as Operator
    return this.#add({ type: 'sample', inputs: [this.#stream.edge(forward)], create }, this.#serde)
  }

  /**
   * Draws so many different records, all with equal chances; all when there are no more. With replacement each draw is from all
   * records again: exactly so many, unless there is none at all.
   *
   * @throws OPTION_INVALID
   */
  sampleSize(size: number, { seed = 0, withReplacement = false }: SampleOptions = {}): DataSet<T> {
    if (!(Number.isSafeInteger(size) && size >= 0)) {
      throw new OptionError(`sampleSize: the size is ${size}; it must be a whole number of 0 or more.`)
    }
    if (withReplacement) return new DataSet(drawn(this.#stream, this.#serde, size, seed), this.#serde)
    const create = (): Operator => new WeightOperator<unknown>(seed) as Operator
    const weighted = this.#add<readonly [number, T]>({
      type: 'sample-weight',
      inputs: [this.#stream.edge(forward)],
      create,
    })
    const heaviest = (all: (readonly [number, T])[]): (readonly [number, T])[] =>
      all.length < 2 * size + 16 ? all : all.sort(([left], [right]) => right - left).slice(0, size)
    return weighted
      .aggregate({
        create: (): (readonly [number, T])[] => [],
        add(held, one) {
          held.push(one)
          return heaviest(held)
        },
        merge: (left, right) => heaviest([...left, ...right]),
        result: (held) => held.sort(([left], [right]) => right - left).slice(0, size),
      })
      .flatMap((held) => held.map(([, value]) => value))
  }

  /** Each record with its number, from 0: in the order of the tasks, and of the records within each. */
  zipWithIndex(): DataSet<readonly [number, T]> {
    return new DataSet(indexed(this.#stream, this.#serde), numberedSerde(this.#serde))
  }

  /** Each record with a number that no other one has; cheaper than `zipWithIndex`, since nothing has to be counted first. */
  zipWithUniqueId(): DataSet<readonly [number, T]> {
    const create = (): Operator => new UniqueIdOperator<unknown>() as Operator
    return this.#add({ type: 'unique-id', inputs: [this.#stream.edge(forward)], create }, numberedSerde(this.#serde))
  }

  /**
   * Folds all records into one value, which the job's result has by this name, exactly once whatever crashed meanwhile.
   *
   * @example
   * lines.filter((line) => !isValid(line)).counter('invalid lines')
   * const { accumulators } = await importing.run()
   */
  accumulate<Accumulator, Out>(name: string, aggregate: Aggregate<T, Accumulator, Out>): SinkHandle<Out> {
    return this.aggregate(aggregate)
      .#stream.to(new AccumulatorSink(name) as Sink<Out, Out>)
      .named(name)
  }

  /** The number of records, in the job's result by this name. */
  counter(name: string): SinkHandle<number> {
    return this.accumulate(name, counting)
  }

  /** Hands every record to an array (or anything with `push`) of this process when its epoch is committed. */
  collect(target: CollectTarget<T>): SinkHandle {
    return this.#stream.collect(target)
  }

  /** Writes every record to standard output. */
  print(prefix = ''): SinkHandle {
    return this.#stream.print(prefix)
  }

  get #untyped(): Serde<unknown> {
    return this.#serde as Serde<unknown>
  }

  get #broadcast(): Partitioning {
    return { kind: 'broadcast', value: this.#untyped }
  }

  #hash(by: keyof T | ((value: T) => unknown)): Partitioning {
    const field = typeof by === 'string' ? { field: by } : {}
    return { kind: 'hash', key: keyOf(by), ...field, value: this.#untyped }
  }

  #all(): GroupedDataSet<'all', T> {
    return this.groupBy((): 'all' => 'all')
  }

  #then<Out>(type: string, create: () => Operator, serde?: Serde<Out>): DataSet<Out> {
    return this.#add({ type, inputs: [this.#stream.edge(forward)], create }, serde)
  }
}
