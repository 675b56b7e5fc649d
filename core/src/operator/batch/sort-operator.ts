import type { Serde } from '../../serde/serde.ts'
import type { OperatorContext } from '../operator.ts'
import { BoundedOperator } from './bounded-operator.ts'
import { ExternalSorter } from './memory/external-sorter.ts'

export type Comparison = (left: unknown, right: unknown) => number

/** All records of the task in order; equal ones stay as they came. */
export class SortOperator extends BoundedOperator<unknown> {
  readonly #key: (value: unknown) => unknown
  readonly #compareKeys: Comparison
  readonly #serde: Serde<unknown>
  #sorter!: ExternalSorter<unknown>

  constructor(key: (value: unknown) => unknown, compareKeys: Comparison, serde: Serde<unknown>) {
    super([(value) => this.#sorter.add(value)])
    this.#key = key
    this.#compareKeys = compareKeys
    this.#serde = serde
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#sorter = new ExternalSorter(this.#key, this.#compareKeys, this.#serde, this.memory)
  }

  *output(): Generator<unknown> {
    for (const cursor = this.#sorter.sorted(); cursor.next(); ) yield cursor.value
    this.#sorter.close()
  }

  override close(): void {
    super.close()
    this.#sorter.close()
  }
}
