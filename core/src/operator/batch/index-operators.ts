import type { Serde } from '../../serde/serde.ts'
import type { OperatorContext } from '../operator.ts'
import { BoundedOperator } from './bounded-operator.ts'
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
