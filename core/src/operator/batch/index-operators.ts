import type { Serde } from '../../serde/serde.ts'
import type { OperatorContext } from '../operator.ts'
import { BoundedOperator } from './bounded-operator.ts'
import { uniform } from './uniform.ts'
import { WaitingOperator } from './waiting-operator.ts'

/** How many records a task has. */
export interface TaskCount {
  readonly index: number
  readonly count: number
}

export class TaskCountOperator extends BoundedOperator<TaskCount> {
  #count = 0

  constructor() {
    super([() => void this.#count++])
  }

  protected override holdsLittle(): boolean {
    return true
  }

  output(): readonly TaskCount[] {
    return [{ index: this.context.index, count: this.#count }]
  }
}

/** Each record with its number over all tasks, those of earlier tasks first. */
export class IndexOperator extends WaitingOperator<readonly [number, unknown]> {
  readonly #counts: TaskCount[]
  #next = 0

  constructor(serde: Serde<unknown>) {
    const counts: TaskCount[] = []
    super(serde, [(count: TaskCount) => void counts.push(count)])
    this.#counts = counts
  }

  protected override holdsLittle({ parallelism }: OperatorContext): boolean {
    return parallelism === 1
  }

  protected override onKnown(): void {
    for (const { index, count } of this.#counts) if (index < this.context.index) this.#next += count
  }

  protected *results(value: unknown): Generator<readonly [number, unknown]> {
    yield [this.#next++, value]
  }
}

/** Each record as often as its number is among the draws, which follow from the seed and the number of all records. */
export class DrawOperator extends WaitingOperator<unknown> {
  readonly #counts: TaskCount[]
  readonly #draws: number
  readonly #seed: number
  /** In order; those before `#at` are of records that have passed. */
  #drawn = new Float64Array(0)
  #at = 0
  #next = 0

  constructor(serde: Serde<unknown>, draws: number, seed: number) {
    const counts: TaskCount[] = []
    super(serde, [(count: TaskCount) => void counts.push(count)])
    this.#counts = counts
    this.#draws = draws
    this.#seed = seed
  }

  protected override onKnown(): void {
    let all = 0
    let before = 0
    for (const { index, count } of this.#counts) {
      all += count
      if (index < this.context.index) before += count
    }
    const drawn = new Float64Array(this.#draws)
    for (let draw = 0; draw < drawn.length; draw++) drawn[draw] = Math.floor(all * uniform(this.#seed, 0, draw, 0))
    this.#drawn = drawn.sort()
    this.#next = before
    while (this.#at < drawn.length && (drawn[this.#at] as number) < before) this.#at++
  }

  protected *results(value: unknown): Generator<unknown> {
    const number = this.#next++
    for (; this.#at < this.#drawn.length && this.#drawn[this.#at] === number; this.#at++) yield value
  }
}
