import type { Counter } from '../../../metrics/registry.ts'

export interface MemoryLimits {
  /** Bytes that the operators of a task hold before they spill. */
  readonly budgetBytes: number
  /** Where they spill to; made when it is needed. */
  readonly directory: string
}

/** What sorts, joins and groupings of one task hold in memory, together. Each of them gets an equal part of it. */
export class TaskMemory {
  readonly limits: MemoryLimits
  #isUsed = false
  #shares = 0
  #held = 0
  #peak = 0

  constructor(limits: MemoryLimits) {
    this.limits = limits
  }

  get isUsed(): boolean {
    return this.#isUsed
  }

  /** Bytes held now, as estimated from the values. */
  get held(): number {
    return this.#held
  }

  /** The most that was held at any time. */
  get peak(): number {
    return this.#peak
  }

  /** The part of one operator; to be taken before the first record. One that `holdsLittle` leaves the budget to the others. */
  share(spilled: Counter, holdsLittle = false): MemoryShare {
    this.#isUsed = true
    if (!holdsLittle) this.#shares++
    return new MemoryShare(this, spilled, () => this.limits.budgetBytes / Math.max(1, this.#shares))
  }

  change(bytes: number): void {
    this.#held += bytes
    if (this.#held > this.#peak) this.#peak = this.#held
  }
}

/** The part of one structure. It never waits for another: who is over the limit writes its own to disk. */
export class MemoryShare {
  readonly #task: TaskMemory
  readonly #spilled: Counter
  readonly #limitOf: () => number
  #held = 0
  #limit = 0

  constructor(task: TaskMemory, spilled: Counter, limitOf: () => number) {
    this.#task = task
    this.#spilled = spilled
    this.#limitOf = limitOf
  }

  /** A part of this one, for a structure of its own. */
  part(fraction: number): MemoryShare {
    return new MemoryShare(this.#task, this.#spilled, () => this.limit * fraction)
  }

  get directory(): string {
    return this.#task.limits.directory
  }

  /** Known at the first record, when every operator of the task has taken its part. */
  get limit(): number {
    if (this.#limit === 0) this.#limit = this.#limitOf()
    return this.#limit
  }

  get held(): number {
    return this.#held
  }

  get isOver(): boolean {
    return this.#held > this.limit
  }

  take(bytes: number): void {
    this.#held += bytes
    this.#task.change(bytes)
  }

  release(bytes: number): void {
    this.#held -= bytes
    this.#task.change(-bytes)
  }

  onSpilled(bytes: number): void {
    this.#spilled.value += bytes
  }
}
