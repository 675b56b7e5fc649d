import type { Serde } from '../../serde/serde.ts'
import type { OperatorContext } from '../operator.ts'
import { BoundedOperator } from './bounded-operator.ts'
import { ExternalSorter } from './memory/external-sorter.ts'

export type Comparison = (left: unknown, right: unknown) => number

/** All records of the task in order; equal ones stay as they came. */
export class SortOperator extends BoundedOperator<unknown> {
  readonly #compare: Comparison
  readonly #serde: Serde<unknown>
  #sorter!: ExternalSorter<unknown>

  constructor(compare: Comparison, serde: Serde<unknown>) {
    super([(value) => this.#sorter.add(value)])
    this.#compare = compare
    this.#serde = serde
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#sorter = new ExternalSorter(this.#compare, this.#serde, this.memory)
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
