import { KeyTable } from '../../../state/keyed/key-table.ts'
import type { OperatorContext } from '../../operator.ts'
import type { PaneContents } from '../pane-contents.ts'
import type { AlignedWindows } from '../window-assigner.ts'
import type { WindowGrid } from '../window-grid.ts'
import { GatherOperator } from './gather-operator.ts'
import { PartialAggregate } from './partial-aggregate.ts'

type Slice = KeyTable<PartialAggregate[]>

/** Gathers for windows at fixed places: one partial aggregate for each key and slice. */
export class GatherSlicesOperator extends GatherOperator {
  readonly #assigner: AlignedWindows
  /** By the end of the slice. */
  readonly #slices = new Map<number, Slice>()
  #grid!: WindowGrid
  /** The slice of the last record, where the next one most often belongs too. */
  #lastEnd = Number.NaN
  #lastStart = Number.NaN
  #last: Slice | null = null

  constructor(key: (value: never) => unknown, assigner: AlignedWindows, contents: PaneContents) {
    super(key, contents)
    this.#assigner = assigner
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#grid = this.#assigner.grid(context.index, context.parallelism)
  }

  protected single(value: never, timestamp: number): PartialAggregate {
    return new PartialAggregate(this.key(value), this.contents.add(undefined, value, timestamp), timestamp, 0)
  }

  protected add(value: never, timestamp: number): void {
    const { data, key } = this.#sliceOf(timestamp).slot(this.key(value))
    let partial = data[0]
    if (partial === undefined) {
      partial = new PartialAggregate(key, undefined, timestamp, 0)
      data.push(partial)
      this.waiting++
    }
    partial.contents = this.contents.add(partial.contents, value, timestamp)
    if (timestamp > partial.time) partial.time = timestamp
    // A record behind the watermark is for a window that has fired: it must not wait for another watermark.
    if (this.#lastEnd - 1 <= this.watermark) this.#flush(this.#lastEnd)
  }

  protected flushUpTo(watermark: number): void {
    for (const end of this.#ends()) if (end - 1 <= watermark) this.#flush(end)
  }

  protected flushAll(): void {
    for (const end of this.#ends()) this.#flush(end)
  }

  #sliceOf(timestamp: number): Slice {
    if (this.#last !== null && timestamp >= this.#lastStart && timestamp < this.#lastEnd) return this.#last
    const end = this.#grid.sliceEnd(timestamp)
    let slice = this.#slices.get(end)
    if (slice === undefined) {
      slice = new KeyTable<PartialAggregate[]>(() => [])
      this.#slices.set(end, slice)
    }
    this.#lastStart = this.#grid.sliceStart(timestamp)
    this.#lastEnd = end
    this.#last = slice
    return slice
  }

  #ends(): number[] {
    return [...this.#slices.keys()].sort((a, b) => a - b)
  }

  #flush(end: number): void {
    const slice = this.#slices.get(end)
    this.#slices.delete(end)
    if (slice === this.#last) this.#last = null
    for (const { data } of slice?.slots() ?? []) for (const partial of data) this.send(partial)
  }
}
