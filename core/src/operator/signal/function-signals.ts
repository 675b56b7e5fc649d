import { GraphError, UserFunctionError } from '../../errors.ts'
import type { OperatorContext, Receiver } from '../operator.ts'
import { backlog, describeSignal, ReceivedSignal, type Signal, type SignalValue } from './signal.ts'

/** The signals that a function names. */
export interface SignalUse {
  readonly emits: readonly Signal[]
  readonly hears: readonly Signal[]
}

/** What a function has heard and told, as kept with an epoch. */
export interface StoredSignals {
  readonly heard: Readonly<Record<string, SignalValue>>
  readonly told: Readonly<Record<string, SignalValue>>
}

/** The signals of one instance of a function: what it has heard, and what it has told those behind it. */
export class FunctionSignals {
  readonly #use: SignalUse
  readonly #operator: OperatorContext
  readonly #out: Receiver<unknown>
  readonly #heard = new Map<string, SignalValue>()
  readonly #told = new Map<string, SignalValue>()

  private constructor(use: SignalUse, operator: OperatorContext) {
    this.#use = use
    this.#operator = operator
    this.#out = operator.output() as Receiver<unknown>
  }

  /** Null where no signal comes or goes. */
  static of(operator: OperatorContext, use: SignalUse = NO_SIGNALS): FunctionSignals | null {
    const isConcerned = use.emits.length > 0 || operator.signals !== null
    return isConcerned ? new FunctionSignals(use, operator) : null
  }

  get isBacklog(): boolean {
    return this.#heard.get(backlog.name) === true
  }

  /** A signal comes in; `handle` is called for one that the function hears, when its value is another one than before. */
  receive(signal: Signal, value: SignalValue, handle: (received: ReceivedSignal) => void): void {
    this.hear(signal, value, handle)
    this.pass(signal, value)
  }

  /** The first half of `receive`, for who has something to do before the signal goes on. */
  hear(signal: Signal, value: SignalValue, handle: (received: ReceivedSignal) => void): void {
    if (this.#heard.get(signal.name) === value) return
    this.#heard.set(signal.name, value)
    if (this.#hears(signal)) handle(new ReceivedSignal(signal.name, value))
  }

  /** The second half of `receive`. */
  pass(signal: Signal, value: SignalValue): void {
    if (signal.forward || !this.#hears(signal)) this.#tell(signal, value)
  }

  /** @throws GRAPH_INVALID for a signal that the function does not name; USER_FUNCTION_FAILED for a value of another kind */
  emit(signal: Signal, value: SignalValue): void {
    if (!this.#use.emits.some(({ name }) => name === signal.name)) {
      throw new GraphError(
        `The function emits signal '${signal.name}', which is not among those that it names: emits: [${names(this.#use.emits)}].`,
        { where: { operator: this.#operator.uid } },
      )
    }
    checkValue(signal, value)
    this.#tell(signal, value)
  }

  /** What was heard last. @throws GRAPH_INVALID for a signal that the function does not name */
  current(signal: Signal): SignalValue | undefined {
    if (this.#use.hears.some(({ name }) => name === signal.name)) return this.#heard.get(signal.name)
    throw new GraphError(
      `The function asks for signal '${signal.name}', which is not among those that it names: hears: [${names(this.#use.hears)}].`,
      { where: { operator: this.#operator.uid } },
    )
  }

  snapshot(): StoredSignals | null {
    if (this.#heard.size === 0 && this.#told.size === 0) return null
    return { heard: Object.fromEntries(this.#heard), told: Object.fromEntries(this.#told) }
  }

  restore({ heard, told }: StoredSignals): void {
    for (const [name, value] of Object.entries(heard)) this.#heard.set(name, value)
    for (const [name, value] of Object.entries(told)) this.#told.set(name, value)
  }

  #hears(signal: Signal): boolean {
    return this.#use.hears.some(({ name }) => name === signal.name)
  }

  #tell(signal: Signal, value: SignalValue): void {
    if (this.#told.get(signal.name) === value) return
    this.#told.set(signal.name, value)
    this.#out.onSignal(signal, value)
  }
}

export const NO_SIGNALS: SignalUse = { emits: [], hears: [] }

/** @throws USER_FUNCTION_FAILED for a value of another kind than the signal's, and for NaN */
export function checkValue(signal: Signal, value: SignalValue): void {
  if (typeof value === signal.kind && !Number.isNaN(value)) return
  throw new UserFunctionError(`${String(value)} is no value of the signal ${describeSignal(signal)}.`)
}

function names(signals: readonly Signal[]): string {
  return signals.map(({ name }) => name).join(', ')
}
