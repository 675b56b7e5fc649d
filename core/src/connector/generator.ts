import { OptionError } from '../errors.ts'
import type { PollStatus, Source, SplitReader, SplitReaderContext } from './source.ts'

export interface GeneratorOptions<T> {
  /** Makes record number `index`; must give the same record for the same index. */
  readonly make: (index: number) => T
  /** Number of records over all splits; without it there is no end. */
  readonly count?: number
  /** Records in a second over all splits; without it as many as are taken. */
  readonly ratePerSecond?: number
  /**
   * How many tasks can make records at the same time: split i of n makes i, i + n, i + 2n, … Records are in order within a split only.
   * It stays the same over the life of a job.
   * @default 1
   */
  readonly splits?: number
}

/**
 * Makes records by their index.
 * @throws OPTION_INVALID
 */
export function generatorSource<T>(options: GeneratorOptions<T>): Source<T, number> {
  const { count, ratePerSecond, splits = 1 } = options
  if (count !== undefined && !(Number.isSafeInteger(count) && count >= 0)) {
    throw new OptionError(`count is ${count}; it must be a whole number of 0 or more.`)
  }
  if (ratePerSecond !== undefined && !(ratePerSecond > 0)) {
    throw new OptionError(`ratePerSecond is ${ratePerSecond}; it must be above 0.`)
  }
  if (!(Number.isSafeInteger(splits) && splits >= 1)) {
    throw new OptionError(`splits is ${splits}; it must be a whole number of 1 or more.`)
  }
  return {
    name: 'generator',
    bounded: count !== undefined,
    replayable: true,
    splits: () => splits,
    estimate: () => ({ records: count ?? null, bytes: null }),
    open: (split, position, context) => new GeneratorReader({ ...options, splits }, split, position ?? 0, context),
  }
}

class GeneratorReader<T> implements SplitReader<T, number> {
  readonly #make: (index: number) => T
  readonly #split: number
  readonly #splits: number
  /** Records of this split. */
  readonly #count: number
  readonly #ratePerMs: number
  readonly #context: SplitReaderContext
  readonly #startedAt: number
  readonly #startedFrom: number
  #made: number
  #cancel: (() => void) | null = null

  constructor(
    { make, count, ratePerSecond, splits }: GeneratorOptions<T> & { readonly splits: number },
    split: number,
    position: number,
    context: SplitReaderContext,
  ) {
    this.#make = make
    this.#split = split
    this.#splits = splits
    this.#count = count === undefined ? Number.POSITIVE_INFINITY : Math.ceil((count - split) / splits)
    this.#ratePerMs = ratePerSecond === undefined ? Number.POSITIVE_INFINITY : ratePerSecond / 1000 / splits
    this.#context = context
    this.#startedAt = context.now()
    this.#startedFrom = position
    this.#made = position
  }

  poll(emit: (value: T, timestamp: number) => void, budget: number): PollStatus {
    const now = this.#context.now()
    const due =
      this.#ratePerMs === Number.POSITIVE_INFINITY
        ? this.#count
        : this.#startedFrom + (now - this.#startedAt) * this.#ratePerMs
    const end = Math.min(this.#count, this.#made + budget, Math.floor(due))
    while (this.#made < end) emit(this.#make(this.#made++ * this.#splits + this.#split), now)
    if (this.#made >= this.#count) return 'end'
    if (this.#made + 1 <= due) return 'more'
    const waitMs = Math.max(1, Math.ceil((this.#made + 1 - due) / this.#ratePerMs))
    this.#cancel?.()
    this.#cancel = this.#context.setTimer(waitMs, this.#context.onAvailable)
    return 'wait'
  }

  position(): number {
    return this.#made
  }

  async close(): Promise<void> {
    this.#cancel?.()
  }
}
