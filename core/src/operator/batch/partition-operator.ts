import type { Serde } from '../../serde/serde.ts'
import type { OperatorContext } from '../operator.ts'
import { BoundedOperator } from './bounded-operator.ts'
import { SpillableList } from './memory/spillable-list.ts'

/** Which of a data set's partitions a function runs on: there is one for each task. */
export interface PartitionContext {
  readonly index: number
  readonly partitions: number
}

/** Hands all records of the task to a function. */
export class PartitionOperator extends BoundedOperator<unknown> {
  readonly #mapPartition: (values: Iterable<unknown>, context: PartitionContext) => Iterable<unknown>
  readonly #serde: Serde<unknown>
  #values!: SpillableList<unknown>

  constructor(
    mapPartition: (values: Iterable<unknown>, context: PartitionContext) => Iterable<unknown>,
    serde: Serde<unknown>,
  ) {
    super([(value) => this.#values.add(value)])
    this.#mapPartition = mapPartition
    this.#serde = serde
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#values = new SpillableList(this.#serde, this.memory)
  }

  *output(): Generator<unknown> {
    const { index, parallelism } = this.context
    yield* this.#mapPartition(this.#values, { index, partitions: parallelism })
    this.#values.clear()
  }

  override close(): void {
    super.close()
    this.#values.clear()
  }
}
