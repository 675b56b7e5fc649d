import { decodeKey } from '../serde/key-codec.ts'
import type { StateEntry } from '../state/backend.ts'
import { createHandles } from '../state/keyed/create-handle.ts'
import type { KeyCache } from '../state/keyed/key-cache.ts'
import type { KeySlot } from '../state/keyed/key-table.ts'
import { type Cells, declareCells, KeyedStates } from '../state/keyed/keyed-states.ts'
import { StateTime } from '../state/keyed/ttl.ts'
import { BaseOperator } from './base-operator.ts'
import { EndDelay } from './end-delay.ts'
import { InputGate } from './input-gate.ts'
import { KeyPrefetch, TIMER_KEYS } from './key-prefetch.ts'
import { KeyVisits, type VisitKey } from './key-visits.ts'
import type { KeyedFunction, KeyedInput } from './keyed-function.ts'
import { KeyedRecordContext } from './keyed-record-context.ts'
import type { Round, RoundMark } from './loop/round.ts'
import { RoundKeys, roundCells } from './loop/round-keys.ts'
import { OnlyInput } from './only-input.ts'
import { openContext } from './open-context.ts'
import {
  NO_TIMESTAMP,
  type OperatorContext,
  type PendingWork,
  type Receiver,
  type StateCatalogEntry,
} from './operator.ts'
import { RecordContext } from './process-context.ts'
import type { SignalContext } from './process-function.ts'
import { FunctionSignals } from './signal/function-signals.ts'
import type { ReceivedSignal, Signal, SignalValue } from './signal/signal.ts'
import { type TimeDomain, TimerService, timerCells } from './timer-service.ts'

/** The context of a signal: it has no key of its own, but may visit those of the task. */
class VisitingContext extends RecordContext<never> implements SignalContext<never, never> {
  readonly #keyed: KeyedProcessOperator

  constructor(operator: OperatorContext, keyed: KeyedProcessOperator) {
    super(operator)
    this.#keyed = keyed
  }

  readonly forEachKey = (visit: VisitKey, done?: () => void): void => this.#keyed.visits.ask(visit, done)
}

/** Runs a keyed function with one or two inputs. */
export class KeyedProcessOperator extends BaseOperator<never> {
  readonly inputs: readonly Receiver<never>[]
  readonly #function: KeyedFunction
  #states!: KeyedStates
  #timers: TimerService | null = null
  /** Set when the end of a round means something to keys. */
  #roundKeys: RoundKeys | null = null
  #record!: KeyedRecordContext
  #time!: StateTime
  /** Set when the state need not fit on the heap. */
  #prefetch: KeyPrefetch<Cells> | null = null
  #cache: KeyCache<Cells> | null = null
  #visits!: KeyVisits
  /** Set when the end of the input may have to wait for the clock. */
  #endDelay: EndDelay | null = null

  constructor(keyedFunction: KeyedFunction) {
    super()
    this.#function = keyedFunction
    const [only] = keyedFunction.inputs
    if (keyedFunction.inputs.length === 1 && only !== undefined) this.inputs = [new OnlyInput(this, only)]
    else {
      const take = keyedFunction.inputs.map(
        (input) => (value: never, timestamp: number) => this.process(input, value, timestamp),
      )
      this.gate = new InputGate(take, this)
      this.inputs = this.gate.receivers
    }
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    const { state, onTimer } = this.#function
    const time = new StateTime(context.clock)
    const declared = declareCells(state, time)
    const cells = onTimer === null ? [...declared] : [...declared, ...timerCells]
    const hearsRounds = this.#function.onRoundEnd != null || this.#function.lifetime === 'round'
    if (hearsRounds) cells.push(...roundCells)
    const states = new KeyedStates(context.uid, context.maxParallelism, cells)
    this.#states = states
    if (this.#function.lifetime === 'round' && context.stateReader === null) states.forgetLater()
    if (hearsRounds) this.#roundKeys = new RoundKeys(states.table)
    context.metrics.gauge('millrace_state_keys', 'Keys on the heap', () => this.#cache?.residents ?? states.table.size)
    if (onTimer !== null) {
      this.#timers = new TimerService(
        states,
        declared.length,
        (slot, timeMs, domain) => this.#onTimer(slot, timeMs, domain),
        (timeMs, callback) => context.schedule(timeMs, callback),
        () => context.clock.now(),
        () => this.#onClock(),
        () => this.#visits.isOpen,
      )
    }
    const { stateReader } = context
    if (stateReader !== null) {
      this.#cache = states.boundedBy(stateReader.maxKeys, stateReader.isNew, this.#visitsAll)
      this.#prefetch = new KeyPrefetch(context, this.#cache, (slots) => states.read(stateReader, slots))
    }
    if (this.#function.timersAtEnd === 'wait') this.#endDelay = new EndDelay(context, () => this.#prefetch)
    this.#record = new KeyedRecordContext(
      context,
      states,
      createHandles(state, states, time),
      this.#timers,
      this.#function.broadcast?.() ?? {},
    )
    this.#visits = new KeyVisits(states, this.#record, stateReader?.maxKeys ?? null)
    this.signals = FunctionSignals.of(context, this.#function.signals)
    this.#record.signals = this.signals
    time.record = this.#record
    this.#time = time
  }

  /** For who runs it within another operator. */
  get functionSignals(): FunctionSignals | null {
    return this.signals
  }

  get visits(): KeyVisits {
    return this.#visits
  }

  /** Not all keys need be on the heap. */
  get isBounded(): boolean {
    return this.#prefetch !== null
  }

  /** What is broadcast may visit all keys, and so may a signal; the end of a loop does. */
  get #visitsAll(): boolean {
    const { broadcast, onTermination, onSignal } = this.#function
    return broadcast !== undefined || onTermination != null || onSignal != null
  }

  override get catalog(): readonly StateCatalogEntry[] {
    return this.#states.catalog
  }

  override get pending(): PendingWork | null {
    return this.#endDelay ?? this.#prefetch
  }

  override restoresAtStart(state: string): boolean {
    return (
      this.#prefetch === null || this.#visitsAll || !this.#states.cachedStates.some((cached) => cached.state === state)
    )
  }

  override get changedKeys(): number {
    return this.#states.table.dirtySize
  }

  override peek(key: unknown): object | undefined {
    const { table, slotStates } = this.#states
    const slot = table.find(key)
    if (slot === undefined || slot.mark?.isResident === false) return undefined
    return createHandles(this.#function.state, { current: slot, table, slotStates }, this.#time)
  }

  override onApplied(epoch: number): void {
    this.#prefetch?.onApplied(epoch)
  }

  override restore(entry: StateEntry): void {
    const key = decodeKey(Buffer.from(entry.key.buffer, entry.key.byteOffset, entry.key.length))
    if (!this.#states.restore(entry, key)) super.restore(entry)
  }

  override async open(): Promise<void> {
    this.#states.open()
    this.#timers?.open()
    this.#roundKeys?.open()
    await this.#function.open?.(openContext(this.context))
  }

  override close(): void | Promise<void> {
    return this.#function.close?.()
  }

  process(input: KeyedInput, value: never, timestamp: number): void {
    if (this.#prefetch !== null) {
      this.#processCached(input, value, timestamp)
      return
    }
    const record = this.#record
    try {
      const slot = this.#states.table.slot(input.key(value))
      this.#states.current = slot
      record.timestamp = timestamp
      this.#roundKeys?.add(slot)
      input.onRecord(value, record as never, record)
    } catch (cause) {
      throw this.failed(cause)
    }
  }

  #processCached(input: KeyedInput, value: never, timestamp: number): void {
    const prefetch = this.#prefetch as KeyPrefetch<Cells>
    let slot: KeySlot<Cells>
    try {
      slot = (this.#cache as KeyCache<Cells>).slot(input.key(value))
    } catch (cause) {
      throw this.failed(cause)
    }
    if (prefetch.isEmpty && slot.mark?.isResident === true) this.#run(input, slot, value, timestamp)
    else prefetch.addRecord(slot, () => this.#run(input, slot, value, timestamp))
  }

  #run(input: KeyedInput, slot: KeySlot<Cells>, value: never, timestamp: number): true {
    const record = this.#record
    this.#states.current = slot
    record.timestamp = timestamp
    this.#roundKeys?.add(slot)
    try {
      input.onRecord(value, record as never, record)
    } catch (cause) {
      throw this.failed(cause)
    }
    return true
  }

  /** Calls in its turn what may visit all keys; the visits come next, then what is behind them. */
  visiting(call: () => void, then: () => void = () => {}): void {
    let isCalled = false
    const run = (): boolean => {
      try {
        if (!isCalled) {
          isCalled = true
          this.#visits.begin()
          call()
        }
        if (!this.#visits.run()) return false
      } catch (cause) {
        throw this.failed(cause)
      }
      then()
      return true
    }
    this.control(run, () => this.#visits.awaited())
  }

  override onWatermark(watermark: number): void {
    this.control(
      () => this.#advance(watermark),
      () => this.#awaited('event', watermark),
    )
  }

  override onIdle(idle: boolean): void {
    this.control(() => {
      this.out.onIdle(idle)
      return true
    })
  }

  override onBarrier(epoch: number): void {
    this.#states.collect(this.context.delta.changes, epoch)
    this.out.onBarrier(epoch)
  }

  protected override onRoundStart(round: Round): void {
    this.#record.round = round
  }

  override onRound(mark: RoundMark): void {
    const { onTermination } = this.#function
    if (mark.kind === 'over' && onTermination != null) {
      const visitAll = (): void => {
        this.noteRound(mark)
        this.#visits.ask((record) => onTermination(record, this.#record))
      }
      this.visiting(visitAll, () => this.out.onRound(mark))
      return
    }
    this.control(
      () => this.#passRound(mark),
      () => this.#roundKeys?.awaited(TIMER_KEYS) ?? new Set(),
    )
  }

  override onSignal(signal: Signal, value: SignalValue): void {
    this.visiting(
      () => this.signals?.hear(signal, value, (received) => this.#hear(received)),
      () => this.signals?.pass(signal, value),
    )
  }

  override onEnd(): void {
    this.control(
      () => this.#end(),
      () => this.#awaited('processing', Number.POSITIVE_INFINITY),
    )
  }

  #onClock(): void {
    const timers = this.#timers as TimerService
    this.control(
      () => {
        const isDone = timers.onClock()
        if (isDone) timers.wakeUp()
        return isDone
      },
      () => this.#awaited('processing', this.context.clock.now()),
    )
  }

  /** Runs it in its turn; it says false when it came to a key whose state has to be read first. */
  control(run: () => boolean, awaited?: () => Set<KeySlot<Cells>>): void {
    if (this.#prefetch === null) run()
    else this.#prefetch.addControl(run, awaited)
  }

  #awaited(domain: TimeDomain, upToMs: number): Set<KeySlot<Cells>> {
    return this.#timers?.awaited(domain, upToMs, TIMER_KEYS) ?? new Set()
  }

  #advance(watermark: number): boolean {
    // Timers see the watermark that fires them.
    this.#record.watermark = watermark
    if (this.#timers?.onWatermark(watermark) === false) return false
    this.#time.advanceEvent(watermark)
    this.out.onWatermark(watermark)
    return true
  }

  #passRound(mark: RoundMark): boolean {
    this.noteRound(mark)
    if (mark.kind === 'end') {
      // What the loop begins with has been read then: that is no round.
      const onKey = mark.round === 0 ? () => {} : (slot: KeySlot<Cells>) => this.#endRound(slot)
      if (this.#roundKeys?.fire(onKey) === false) return false
    }
    this.out.onRound(mark)
    return true
  }

  #hear(received: ReceivedSignal): void {
    const { onSignal } = this.#function
    if (onSignal == null) return
    const context = new VisitingContext(this.context, this)
    context.watermark = this.#record.watermark
    context.round = this.#record.round
    context.signals = this.signals
    onSignal(received, context, context)
  }

  #endRound(slot: KeySlot<Cells>): void {
    this.#states.current = slot
    this.#record.timestamp = NO_TIMESTAMP
    const { onRoundEnd, lifetime, state } = this.#function
    try {
      onRoundEnd?.(this.#record as never, this.#record)
      if (lifetime !== 'round') return
      const handles = this.#record.state as Readonly<Record<string, { clear(): void }>>
      for (const name of Object.keys(state)) handles[name]?.clear()
    } catch (cause) {
      throw this.failed(cause)
    }
  }

  #end(): boolean {
    const { timersAtEnd = 'fire' } = this.#function
    const lastMs = this.#endDelay === null ? null : (this.#timers?.lastProcessingMs ?? null)
    if (this.#endDelay?.isDelayed === false && lastMs !== null && lastMs > this.context.clock.now()) {
      this.#endDelay.until(lastMs, () => this.onEnd())
      return true
    }
    const isThrough = timersAtEnd === 'wait' ? this.#timers?.onClock() : this.#timers?.onEnd(timersAtEnd === 'fire')
    if (isThrough === false) return false
    this.#timers?.stop()
    this.#endDelay?.over()
    this.out.onEnd()
    return true
  }

  #onTimer(slot: KeySlot<Cells>, timeMs: number, domain: TimeDomain): void {
    const record = this.#record
    this.#states.current = slot
    record.timestamp = domain === 'event' ? timeMs : NO_TIMESTAMP
    this.#time.advanceEvent(record.timestamp)
    try {
      this.#function.onTimer?.({ timeMs, domain }, record as never, record)
    } catch (cause) {
      throw this.failed(cause)
    }
  }
}
