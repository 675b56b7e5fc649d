import type { Serde } from '../../serde/serde.ts'
import type { OperatorContext } from '../operator.ts'
import { SpillableList } from './memory/spillable-list.ts'
import { WaitingOperator } from './waiting-operator.ts'

/** Every record of the main input with every record of the other. */
export class CrossOperator extends WaitingOperator<unknown> {
  readonly #map: (left: unknown, right: unknown) => unknown
  readonly #otherSerde: Serde<unknown>
  #others!: SpillableList<unknown>

  constructor(map: (left: unknown, right: unknown) => unknown, serde: Serde<unknown>, otherSerde: Serde<unknown>) {
    super(serde, [(value) => this.#others.add(value)])
    this.#map = map
    this.#otherSerde = otherSerde
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#others = new SpillableList(this.#otherSerde, this.memory.part(0.5))
  }

  protected *results(value: unknown): Generator<unknown> {
    for (const other of this.#others) yield this.#map(value, other)
  }

  override close(): void {
    super.close()
    this.#others.clear()
  }
}
