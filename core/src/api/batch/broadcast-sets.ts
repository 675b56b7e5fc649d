import { type SetsFunction, SetsOperator } from '../../operator/batch/sets-operator.ts'
import type { LogicalEdge } from '../../plan/logical-graph.ts'
import type { Serde } from '../../serde/serde.ts'
import type { AddOperator } from './bounded-spec.ts'
import type { DataSet } from './data-set.ts'

/** All records of each named data set. */
export type SetsOf<Sets> = { readonly [Name in keyof Sets]: readonly Sets[Name][] }

/** A data set with others beside it, for functions that see all of these. */
export class BroadcastSets<T, Sets> {
  readonly #input: LogicalEdge
  readonly #add: AddOperator
  readonly #serde: Serde<unknown>
  readonly #sets: readonly (readonly [name: string, edge: LogicalEdge])[]

  /** @internal */
  constructor(
    input: LogicalEdge,
    add: AddOperator,
    serde: Serde<unknown>,
    sets: readonly (readonly [name: string, edge: LogicalEdge])[],
  ) {
    this.#input = input
    this.#add = add
    this.#serde = serde
    this.#sets = sets
  }

  map<Out>(map: (value: T, sets: SetsOf<Sets>) => Out): DataSet<Out> {
    return this.flatMap((value, sets) => [map(value, sets)])
  }

  filter(keep: (value: T, sets: SetsOf<Sets>) => boolean): DataSet<T> {
    return this.flatMap((value, sets) => (keep(value, sets) ? [value] : []))
  }

  flatMap<Out>(flatMap: (value: T, sets: SetsOf<Sets>) => Iterable<Out>): DataSet<Out> {
    const names = this.#sets.map(([name]) => name)
    const run = flatMap as unknown as SetsFunction
    return this.#add<Out>({
      type: 'with-sets',
      inputs: [this.#input, ...this.#sets.map(([, edge]) => edge)],
      create: () => new SetsOperator(run, names, this.#serde),
    })
  }
}
