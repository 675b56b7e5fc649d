import type { OperatorContext } from '../operator.ts'
import { BoundedOperator } from './bounded-operator.ts'
import { type PairedSide, SortedPairs } from './sorted-pairs.ts'

export type CoGroupFunction = (left: Iterable<unknown>, right: Iterable<unknown>, key: unknown) => Iterable<unknown>

/** Hands the records of each key on both sides to a function; either side may be empty. */
export class CoGroupOperator extends BoundedOperator<unknown> {
  readonly #sides: readonly [PairedSide, PairedSide]
  readonly #coGroup: CoGroupFunction
  #pairs!: SortedPairs

  constructor(left: PairedSide, right: PairedSide, coGroup: CoGroupFunction) {
    super([(value) => this.#pairs.left.add(value), (value) => this.#pairs.right.add(value)])
    this.#sides = [left, right]
    this.#coGroup = coGroup
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#pairs = new SortedPairs(...this.#sides, this.memory)
  }

  *output(): Generator<unknown> {
    for (const { key, left, right } of this.#pairs.pairs()) yield* this.#coGroup(left, right, key)
    this.#pairs.close()
  }

  override close(): void {
    super.close()
    this.#pairs.close()
  }
}
