import type { Serde } from '../../serde/serde.ts'
import { Random } from '../../structure/random.ts'
import type { OperatorContext } from '../operator.ts'
import { BoundedOperator } from './bounded-operator.ts'
import type { Comparison } from './sort-operator.ts'
import { WaitingOperator } from './waiting-operator.ts'

/** Keys that each task samples: the more, the more alike are the ranges. */
const SAMPLED_KEYS = 2000

/** Keys of a task, drawn with equal chances, and of how many. */
export interface KeySample {
  readonly keys: readonly unknown[]
  readonly count: number
}

/** Draws keys from the records of a task. Source: J. Vitter, Random Sampling with a Reservoir, TOMS 1985 (algorithm R). */
export class KeySampleOperator extends BoundedOperator<KeySample> {
  readonly #keys: unknown[] = []
  #count = 0
  #random = new Random(0)

  constructor(key: (value: unknown) => unknown) {
    super([
      (value: unknown) => {
        // One task has one range.
        if (this.context.parallelism > 1) this.#draw(key(value))
      },
    ])
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#random = new Random(context.index)
  }

  protected override holdsLittle(): boolean {
    return true
  }

  output(): readonly KeySample[] {
    return [{ keys: this.#keys, count: this.#count }]
  }

  #draw(key: unknown): void {
    this.#count++
    if (this.#keys.length < SAMPLED_KEYS) {
      this.#keys.push(key)
      return
    }
    const at = Math.floor(this.#random.next() * this.#count)
    if (at < SAMPLED_KEYS) this.#keys[at] = key
  }
}

/** From the samples of all tasks the keys at which ranges begin, so that each range holds about the same number of records. */
export class RangeBoundsOperator extends BoundedOperator<readonly unknown[]> {
  readonly #samples: KeySample[]
  readonly #compare: Comparison

  constructor(compare: Comparison) {
    const samples: KeySample[] = []
    super([(sample: KeySample) => void samples.push(sample)])
    this.#samples = samples
    this.#compare = compare
  }

  protected override holdsLittle(): boolean {
    return true
  }

  output(): readonly (readonly unknown[])[] {
    // Samples come in any order, and bounds must not depend on it.
    return this.#samples.length === 0 ? [] : [rangeBounds(this.#samples, this.context.parallelism, this.#compare)]
  }
}

export function rangeBounds(samples: readonly KeySample[], ranges: number, compare: Comparison): unknown[] {
  // A key of a task with many records stands for more of them.
  const weighted = samples.flatMap(({ keys, count }) => keys.map((key) => ({ key, weight: count / keys.length })))
  weighted.sort((left, right) => compare(left.key, right.key) || left.weight - right.weight)
  const total = samples.reduce((sum, { count }) => sum + count, 0)
  const bounds: unknown[] = []
  let passed = 0
  for (const { key, weight } of weighted) {
    while (bounds.length < ranges - 1 && passed >= (total * (bounds.length + 1)) / ranges) bounds.push(key)
    passed += weight
  }
  return bounds
}

/** Each record with the task whose range its key is in; waits for the bounds. */
export class RangeOperator extends WaitingOperator<readonly [number, unknown]> {
  readonly #key: (value: unknown) => unknown
  readonly #compare: Comparison
  readonly #bounds: unknown[]

  constructor(key: (value: unknown) => unknown, compare: Comparison, serde: Serde<unknown>) {
    const bounds: unknown[] = []
    super(serde, [(all: readonly unknown[]) => void bounds.push(...all)])
    this.#key = key
    this.#compare = compare
    this.#bounds = bounds
  }

  protected override holdsLittle({ parallelism }: OperatorContext): boolean {
    return parallelism === 1
  }

  protected *results(value: unknown): Generator<readonly [number, unknown]> {
    yield [this.#rangeOf(this.#key(value)), value]
  }

  /** The number of bounds that are not behind the key. */
  #rangeOf(key: unknown): number {
    let low = 0
    let high = this.#bounds.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(this.#bounds[middle], key) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
