import type { Serde } from '../../serde/serde.ts'
import type { OperatorContext } from '../operator.ts'
import { BoundedOperator } from './bounded-operator.ts'
import { SpillableList } from './memory/spillable-list.ts'

/** The input whose records are processed, once the others have ended. */
export const MAIN = 0

/** An operator with a main input, whose records wait until all that comes on the other inputs is known. */
export abstract class WaitingOperator<Out> extends BoundedOperator<Out> {
  readonly #serde: Serde<unknown>
  #waiting!: SpillableList<unknown>
  /** Other inputs that have not ended. */
  #open: number
  #isGiving = false

  /** `others` holds, for each other input, what takes its records. */
  constructor(serde: Serde<unknown>, others: readonly ((value: never) => void)[]) {
    super([(value) => this.#take(value), ...others])
    this.#serde = serde
    this.#open = others.length
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#waiting = new SpillableList(this.#serde, this.memory.part(0.5))
    if (this.holdsLittle(context)) this.#open = 0
  }

  /** One that has nothing to wait for holds nothing. */
  protected override holdsLittle(_context: OperatorContext): boolean {
    return false
  }

  /** Called once, when the other inputs have ended and before the first record. */
  protected onKnown(): void {}

  protected abstract results(value: unknown): Iterable<Out>

  /** What comes behind the last record. */
  protected *last(): Generator<Out> {}

  protected override onInputEnd(input: number): void {
    if (input === MAIN || this.#open === 0 || --this.#open > 0) return
    this.onKnown()
    this.#isGiving = this.#waiting.length > 0
    if (this.#isGiving) this.give(this.#waited())
  }

  output(): Iterable<Out> {
    return this.last()
  }

  override close(): void {
    super.close()
    this.#waiting.clear()
  }

  #take(value: unknown): void {
    if (this.#open > 0 || this.#isGiving) this.#waiting.add(value)
    else for (const result of this.results(value)) this.emit(result)
  }

  *#waited(): Generator<Out> {
    for (const value of this.#waiting) yield* this.results(value)
    this.#waiting.clear()
    this.#isGiving = false
  }
}
