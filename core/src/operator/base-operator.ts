import { StreamError, UserFunctionError } from '../errors.ts'
import type { StateEntry } from '../state/backend.ts'
import type { InputGate } from './input-gate.ts'
import { NO_ROUND, type Round, type RoundMark, RoundView } from './loop/round.ts'
import type { AlignedRounds } from './loop/round-alignment.ts'
import type { Driven, Operator, OperatorContext, PendingWork, Receiver, StateCatalogEntry } from './operator.ts'
import type { OperatorState } from './operator-state.ts'
import type { FunctionSignals, StoredSignals } from './signal/function-signals.ts'
import type { ReceivedSignal, Signal, SignalValue } from './signal/signal.ts'
import type { StoredCombination } from './signal/signal-combiner.ts'

interface StoredRounds {
  readonly start: Extract<RoundMark, { kind: 'start' }> | null
  readonly aligned: AlignedRounds | null
}

/** What an operator knows of signals: what its inputs have brought, and what its function has heard and told. */
interface StoredOperatorSignals {
  readonly inputs: StoredCombination | null
  readonly own: StoredSignals | null
}

/** What operators share: control elements go on as they come, nothing is stored. */
export abstract class BaseOperator<Out> implements Operator {
  abstract readonly inputs: readonly Receiver<never>[]
  protected context!: OperatorContext
  protected out!: Receiver<Out>
  /** Of the operator's inputs, where it has several. */
  protected gate: InputGate | null = null
  /** Of the operator's function, where there are any. */
  protected signals: FunctionSignals | null = null
  /** The round that goes on in the loop around the operator. */
  protected round: Round = NO_ROUND
  #start: Extract<RoundMark, { kind: 'start' }> | null = null

  setup(context: OperatorContext): void {
    this.context = context
    this.out = context.output() as Receiver<unknown>
    if (context.signals !== null) this.gate?.expect(context.signals)
  }

  get catalog(): readonly StateCatalogEntry[] {
    return []
  }

  restore(entry: StateEntry): void {
    throw new StreamError(
      'STATE_CORRUPT',
      `Operator ${this.context.uid} keeps no state ${entry.state}, but it is stored.`,
    )
  }

  get pending(): PendingWork | null {
    return null
  }

  get changedKeys(): number {
    return 0
  }

  get driven(): Driven | null {
    return null
  }

  snapshotRounds(): unknown {
    const aligned = this.gate?.rounds.snapshot() ?? null
    return this.#start === null && aligned === null ? null : ({ start: this.#start, aligned } satisfies StoredRounds)
  }

  restoreRounds(stored: unknown): void {
    const { start, aligned } = stored as StoredRounds
    if (start !== null) this.#begin(start)
    if (aligned !== null) this.gate?.rounds.restore(aligned)
  }

  snapshotSignals(): unknown {
    const [inputs, own] = [this.gate?.snapshotSignals() ?? null, this.signals?.snapshot() ?? null]
    return inputs === null && own === null ? null : ({ inputs, own } satisfies StoredOperatorSignals)
  }

  restoreSignals(stored: unknown): void {
    const { inputs, own } = stored as StoredOperatorSignals
    if (inputs !== null) this.gate?.restoreSignals(inputs)
    if (own !== null) this.signals?.restore(own)
  }

  restoresAtStart(_state: string): boolean {
    return true
  }

  peek(_key: unknown): object | undefined {
    return undefined
  }

  onApplied(_epoch: number): void {}
  restoreOperatorState(_state: OperatorState): void {}
  open(): void | Promise<void> {}
  close(): void | Promise<void> {}

  onWatermark(watermark: number): void {
    this.out.onWatermark(watermark)
  }

  onIdle(idle: boolean): void {
    this.out.onIdle(idle)
  }

  onBarrier(epoch: number): void {
    this.out.onBarrier(epoch)
  }

  onRound(mark: RoundMark): void {
    this.noteRound(mark)
    this.out.onRound(mark)
  }

  onSignal(signal: Signal, value: SignalValue): void {
    this.out.onSignal(signal, value)
  }

  onEnd(): void {
    this.out.onEnd()
  }

  /** A signal comes in: `hear` is called for one that the function hears, when its value is another one than before; then it goes on. */
  protected receiveSignal(signal: Signal, value: SignalValue, hear: (received: ReceivedSignal) => void): void {
    try {
      this.signals?.receive(signal, value, hear)
    } catch (cause) {
      throw this.failed(cause)
    }
  }

  /** To be called with every mark, before what it does to the operator. */
  protected noteRound(mark: RoundMark): void {
    if (mark.kind === 'start') this.#begin(mark)
  }

  /** For what shows the round to functions. */
  protected onRoundStart(_round: Round): void {}

  #begin(start: Extract<RoundMark, { kind: 'start' }>): void {
    this.#start = start
    this.round = new RoundView(start.round, start.aggregates)
    this.onRoundStart(this.round)
  }

  /** What to throw when a function of the job, or something downstream of it, threw. */
  protected failed(cause: unknown): StreamError {
    if (StreamError.is(cause)) return cause.locate({ operator: this.context.uid })
    const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
    return new UserFunctionError(`A function of '${this.context.name}' threw ${text}`, {
      where: { operator: this.context.uid },
      cause,
    })
  }
}

/** An operator with one input, which is itself. */
export abstract class OneInputOperator<In, Out> extends BaseOperator<Out> implements Receiver<In> {
  readonly inputs: readonly Receiver<never>[] = [this]
  abstract onRecord(value: In, timestamp: number): void
}
