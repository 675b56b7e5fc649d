import type { Serde } from '../../serde/serde.ts'
import { WaitingOperator } from './waiting-operator.ts'

export type SetsFunction = (value: unknown, sets: Readonly<Record<string, readonly unknown[]>>) => Iterable<unknown>

/** A function that sees all of some other data sets, which every task holds in memory. */
export class SetsOperator extends WaitingOperator<unknown> {
  readonly #flatMap: SetsFunction
  readonly #sets: Readonly<Record<string, readonly unknown[]>>

  constructor(flatMap: SetsFunction, names: readonly string[], serde: Serde<unknown>) {
    const sets = names.map((name): [string, unknown[]] => [name, []])
    super(
      serde,
      sets.map(
        ([, values]) =>
          (value: unknown) =>
            void values.push(value),
      ),
    )
    this.#flatMap = flatMap
    this.#sets = Object.fromEntries(sets)
  }

  protected results(value: unknown): Iterable<unknown> {
    return this.#flatMap(value, this.#sets)
  }
}
