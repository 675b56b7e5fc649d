import type { OperatorContext, PendingWork } from './operator.ts'

/** Holds the end of the input back until the clock has come to a time. Barriers pass meanwhile. */
export class EndDelay implements PendingWork {
  readonly #context: OperatorContext
  readonly #other: () => PendingWork | null
  #isPending = false
  #isDelayed = false

  /** `other` is what the operator waits for besides. */
  constructor(context: OperatorContext, other: () => PendingWork | null) {
    this.#context = context
    this.#other = other
  }

  /** Whether the end has been held back; it is so only once. */
  get isDelayed(): boolean {
    return this.#isDelayed
  }

  get isEmpty(): boolean {
    return !this.#isPending && (this.#other()?.isEmpty ?? true)
  }

  get isFull(): boolean {
    return this.#other()?.isFull ?? false
  }

  get holdsBarriers(): boolean {
    return this.#other()?.holdsBarriers ?? false
  }

  get needsCommit(): boolean {
    return this.#other()?.needsCommit ?? false
  }

  get suspendsCommits(): boolean {
    return this.#other()?.suspendsCommits ?? false
  }

  produce(budget: number): boolean {
    return this.#other()?.produce(budget) ?? false
  }

  until(timeMs: number, onEnd: () => void): void {
    this.#isDelayed = true
    this.#isPending = true
    this.#context.schedule(timeMs, onEnd)
  }

  over(): void {
    this.#isPending = false
  }
}
