import { GraphError } from '../errors.ts'
import { NO_ROUND, type Round } from './loop/round.ts'
import { MIN_WATERMARK, NO_TIMESTAMP, type OperatorContext, type Receiver } from './operator.ts'
import type { OutputTag } from './output-tag.ts'
import type { Collector, ProcessContext } from './process-function.ts'
import type { FunctionSignals } from './signal/function-signals.ts'
import type { Signal, SignalValue } from './signal/signal.ts'

/** The context of a function and its collector in one: one object for all records, set anew for each. */
export class RecordContext<Out> implements ProcessContext, Collector<Out> {
  timestamp: number = NO_TIMESTAMP
  watermark: number = MIN_WATERMARK
  round: Round = NO_ROUND
  /** Of the function; null where no signal comes or goes. */
  signals: FunctionSignals | null = null
  protected readonly operator: OperatorContext
  readonly #out: Receiver<Out>
  readonly #sides = new Map<string, Receiver<unknown> | null>()

  constructor(operator: OperatorContext) {
    this.operator = operator
    this.#out = operator.output() as Receiver<unknown>
  }

  get index(): number {
    return this.operator.index
  }

  get isBacklog(): boolean {
    return this.signals?.isBacklog === true
  }

  // Fields, so that functions can take them out of the context: `onRecord(value, { side }, out)`.
  readonly now = (): number => this.operator.clock.now()

  readonly side = <T>(tag: OutputTag<T>, value: T): void => {
    let receiver = this.#sides.get(tag.id)
    if (receiver === undefined) {
      // A tag that nobody takes the records of is a way to drop them.
      receiver = this.operator.output(tag.id) ?? null
      this.#sides.set(tag.id, receiver)
    }
    receiver?.onRecord(value, this.timestamp)
  }

  readonly emitSignal = <V extends SignalValue>(signal: Signal<V>, value: V): void => {
    if (this.signals === null) throw unnamed(this.operator.uid, signal)
    this.signals.emit(signal, value)
  }

  readonly signal = <V extends SignalValue>(signal: Signal<V>): V | undefined => {
    if (this.signals === null) throw unnamed(this.operator.uid, signal)
    return this.signals.current(signal) as V | undefined
  }

  emit(value: Out, timestamp: number = this.timestamp): void {
    this.#out.onRecord(value, timestamp)
  }
}

function unnamed(operator: string, { name }: Signal): GraphError {
  return new GraphError(`The function uses signal '${name}' without naming it: list it in emits or hears.`, {
    where: { operator },
  })
}
