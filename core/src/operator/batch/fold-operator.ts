import type { OperatorContext } from '../operator.ts'
import { BoundedOperator } from './bounded-operator.ts'
import type { Fold } from './fold.ts'
import { FoldTable } from './fold-table.ts'
import { KeyedPartial } from './keyed-partial.ts'
import { ownsKey } from './owns-key.ts'

export interface FoldOptions {
  readonly key: (value: unknown) => unknown
  readonly fold: Fold
  readonly result: (accumulator: unknown, key: unknown) => Iterable<unknown>
  /** What is given of this key when there is no record at all; null for nothing. */
  readonly ofNothing: { readonly key: unknown; readonly accumulator: () => unknown } | null
}

/** One result for each key, folded as the records come. Takes records and what was gathered of them alike. */
export class FoldOperator extends BoundedOperator<unknown> {
  readonly #options: FoldOptions
  #table!: FoldTable
  #isEmpty = true

  constructor(options: FoldOptions) {
    super([(value) => this.#take(value)])
    this.#options = options
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#table = new FoldTable(this.#options.fold, this.memory)
  }

  *output(): Generator<unknown> {
    const { result, ofNothing } = this.#options
    if (this.#isEmpty && ofNothing !== null && ownsKey(ofNothing.key, this.context)) {
      yield* result(ofNothing.accumulator(), ofNothing.key)
      return
    }
    for (const { key, accumulator } of this.#table.groups()) yield* result(accumulator, key)
  }

  override close(): void {
    super.close()
    this.#table.close()
  }

  #take(value: unknown): void {
    this.#isEmpty = false
    if (value instanceof KeyedPartial) this.#table.merge(value.key, value.accumulator)
    else this.#table.add(this.#options.key(value), value)
  }
}
