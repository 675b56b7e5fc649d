import { OneInputOperator } from '../base-operator.ts'
import type { OperatorState } from '../operator-state.ts'
import { uniform } from './uniform.ts'

const FORMAT = 'float64@1'
/** A Poisson distribution of a greater mean is the sum of several: its probability of 0 is no number any more. */
const MAX_MEAN = 500

/** An operator that numbers the records of its task; the number is part of the snapshot. */
export abstract class NumberingOperator<In, Out> extends OneInputOperator<In, Out> {
  #next = 0

  onRecord(value: In, timestamp: number): void {
    try {
      this.onNumbered(value, this.#next++, timestamp)
    } catch (cause) {
      throw this.failed(cause)
    }
  }

  protected abstract onNumbered(value: In, number: number, timestamp: number): void

  override onBarrier(epoch: number): void {
    const item = Buffer.alloc(8)
    item.writeDoubleBE(this.#next)
    this.context.delta.setOperatorState(this.context.uid, { next: { mode: 'union', format: FORMAT, items: [item] } })
    this.out.onBarrier(epoch)
  }

  /** At another number of tasks all of them go on behind the highest number, so that none comes twice. */
  override restoreOperatorState(state: OperatorState): void {
    for (const item of state.next?.items ?? []) {
      this.#next = Math.max(this.#next, Buffer.from(item.buffer, item.byteOffset, item.length).readDoubleBE())
    }
  }
}

/** Each record with a number that no other one has. */
export class UniqueIdOperator<T> extends NumberingOperator<T, readonly [number, T]> {
  protected onNumbered(value: T, number: number, timestamp: number): void {
    const { index, parallelism } = this.context
    this.out.onRecord([number * parallelism + index, value], timestamp)
  }
}

/** Gives each record as often as chance decides, which depends on the seed, the task and the number of the record only. */
export class SampleOperator<T> extends NumberingOperator<T, T> {
  readonly #seed: number
  readonly #fraction: number
  readonly #withReplacement: boolean

  constructor(fraction: number, withReplacement: boolean, seed: number) {
    super()
    this.#seed = seed
    this.#fraction = fraction
    this.#withReplacement = withReplacement
  }

  protected onNumbered(value: T, number: number, timestamp: number): void {
    const { index } = this.context
    if (!this.#withReplacement) {
      if (uniform(this.#seed, index, number, 0) < this.#fraction) this.out.onRecord(value, timestamp)
      return
    }
    // How often a record is drawn follows a Poisson distribution (Knuth, TAOCP vol. 2, 3.4.1).
    let draw = 0
    for (let left = this.#fraction; left > 0; left -= MAX_MEAN) {
      const limit = Math.exp(-Math.min(left, MAX_MEAN))
      for (let product = 1; ; ) {
        product *= uniform(this.#seed, index, number, draw++)
        if (product < limit) break
        this.out.onRecord(value, timestamp)
      }
    }
  }
}

/** Each record with a random weight. */
export class WeightOperator<T> extends NumberingOperator<T, readonly [number, T]> {
  readonly #seed: number

  constructor(seed: number) {
    super()
    this.#seed = seed
  }

  protected onNumbered(value: T, number: number, timestamp: number): void {
    this.out.onRecord([uniform(this.#seed, this.context.index, number, 0), value], timestamp)
  }
}
