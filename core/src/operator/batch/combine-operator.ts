import { OneInputOperator } from '../base-operator.ts'
import { MAX_WATERMARK, NO_TIMESTAMP, type OperatorContext } from '../operator.ts'
import type { Fold } from './fold.ts'
import { FoldTable } from './fold-table.ts'
import type { KeyedPartial } from './keyed-partial.ts'
import type { MemoryShare } from './memory/task-memory.ts'

/** Keys that are gathered at most: a table that stays in the processor's caches gathers faster than a large one. */
const MAX_KEYS = 65_536

/**
 * Gathers records by key before they travel. What does not fit is handed on, not written to disk; so is everything when a barrier
 * comes, so that nothing is kept over it.
 */
export class CombineOperator extends OneInputOperator<unknown, KeyedPartial> {
  readonly #key: (value: unknown) => unknown
  readonly #fold: Fold
  #memory!: MemoryShare
  #table!: FoldTable

  constructor(key: (value: unknown) => unknown, fold: Fold) {
    super()
    this.#key = key
    this.#fold = fold
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    const spilled = context.metrics.counter('millrace_spilled_bytes', 'Bytes written to disk beyond the memory budget')
    this.#memory = context.memory.share(spilled)
    this.#table = new FoldTable(this.#fold, this.#memory, null)
  }

  onRecord(value: unknown): void {
    try {
      this.#table.add(this.#key(value), value)
    } catch (cause) {
      throw this.failed(cause)
    }
    if (this.#table.size >= MAX_KEYS || this.#memory.isOver) this.#flush()
  }

  override onWatermark(watermark: number): void {
    if (watermark === MAX_WATERMARK) this.#flush()
    this.out.onWatermark(watermark)
  }

  override onBarrier(epoch: number): void {
    this.#flush()
    this.out.onBarrier(epoch)
  }

  override close(): void {
    this.#table.close()
  }

  #flush(): void {
    for (const partial of this.#table.drain()) this.out.onRecord(partial, NO_TIMESTAMP)
  }
}
