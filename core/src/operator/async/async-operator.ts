import { StreamError } from '../../errors.ts'
import type { Counter } from '../../metrics/registry.ts'
import type { Serde } from '../../serde/serde.ts'
import type { StateHandles } from '../../state/keyed/descriptor.ts'
import { Random } from '../../structure/random.ts'
import type { BackOff } from '../../time/back-off.ts'
import { OneInputOperator } from '../base-operator.ts'
import { ClockAlarm } from '../clock-alarm.ts'
import type { RoundMark } from '../loop/round.ts'
import { openContext } from '../open-context.ts'
import type { OperatorContext, PendingWork, Receiver } from '../operator.ts'
import { type OperatorListDescriptor, operatorListState } from '../operator-list.ts'
import type { OperatorState } from '../operator-state.ts'
import { OperatorStates } from '../operator-states.ts'
import type { Signal, SignalValue } from '../signal/signal.ts'
import type { AsyncFunction } from './async-function.ts'
import { Call, callSerde } from './call.ts'
import { CallQueue } from './call-queue.ts'

/** What the options of a stream's method come to. */
export interface AsyncSettings {
  readonly isOrdered: boolean
  /** The records that a result makes; null when it is one itself. */
  readonly records: ((value: unknown, result: unknown) => Iterable<unknown>) | null
  readonly capacity: number
  readonly timeoutMs: number
  readonly backOff: BackOff
  readonly onError: (error: unknown) => boolean
  readonly onResult: ((result: unknown) => boolean) | null
  readonly fallback: ((value: unknown, error: Error) => unknown) | null
  readonly serde: Serde<unknown>
}

type WaitingCalls = { readonly calls: OperatorListDescriptor<Call> }

/**
 * Calls a function for each record and sends results on as they come. Records that wait for theirs are part of a
 * snapshot, so barriers pass at once; a restored task calls for them again.
 */
export class AsyncOperator extends OneInputOperator<unknown, unknown> implements PendingWork {
  readonly needsCommit = false
  readonly suspendsCommits = false
  readonly #function: AsyncFunction<unknown, unknown>
  readonly #settings: AsyncSettings
  /** Calls that have not been started, for want of capacity. */
  readonly #unstarted: Call[] = []
  /** Calls under way, in the order of their deadlines. */
  readonly #started = new Set<Call>()
  #states!: OperatorStates<WaitingCalls>
  #queue!: CallQueue
  #alarm!: ClockAlarm
  #random!: Random
  /** Marks of rounds, and signals, that wait behind calls. */
  #marks = 0
  #timeouts!: Counter
  #retries!: Counter

  constructor(asyncFunction: AsyncFunction<unknown, unknown>, settings: AsyncSettings) {
    super()
    this.#function = asyncFunction
    this.#settings = settings
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    const { isOrdered, serde } = this.#settings
    this.#states = new OperatorStates(
      context.uid,
      { calls: operatorListState({ serde: callSerde(serde) }) },
      () => 'split',
    )
    this.#queue = new CallQueue(isOrdered, (call) => this.#send(call), this.out)
    this.#alarm = new ClockAlarm(context.schedule, () => this.#onDeadline())
    this.#random = new Random(context.index)
    this.#timeouts = context.metrics.counter('millrace_call_timeouts', 'Calls that took longer than their timeout')
    this.#retries = context.metrics.counter('millrace_call_retries', 'Calls that were tried again')
    context.metrics.gauge('millrace_calls_waiting', 'Records that wait for a result', () => this.#queue.size)
  }

  override get pending(): PendingWork {
    return this
  }

  produce(): boolean {
    return false
  }

  get isFull(): boolean {
    return this.#queue.size >= this.#settings.capacity
  }

  /** Marks of rounds and signals are not told again after a restart, as watermarks are, and calls behind them do not belong before them. */
  get holdsBarriers(): boolean {
    return this.#marks > 0
  }

  get isEmpty(): boolean {
    return this.#queue.size === 0
  }

  override restoreOperatorState(state: OperatorState): void {
    this.#states.restore(state)
  }

  override async open(): Promise<void> {
    await this.#function.open?.(openContext(this.context))
    for (const call of this.#handles.calls.get()) {
      this.#queue.add(call)
      this.#unstarted.push(call)
    }
    // Not before what is downstream is open.
    if (this.#unstarted.length > 0) this.context.post(() => this.#startWaiting())
  }

  override close(): void | Promise<void> {
    this.#alarm.cancel()
    for (const call of this.#started) call.abort(new Error('The task has ended.'))
    return this.#function.close?.()
  }

  onRecord(value: unknown, timestamp: number): void {
    const call = new Call(value, timestamp)
    this.#queue.add(call)
    if (this.#started.size < this.#settings.capacity && this.#unstarted.length === 0) this.#start(call)
    else this.#unstarted.push(call)
  }

  override onWatermark(watermark: number): void {
    this.#queue.addFence((out) => out.onWatermark(watermark))
  }

  override onIdle(idle: boolean): void {
    this.#queue.addFence((out) => out.onIdle(idle))
  }

  override onRound(mark: RoundMark): void {
    this.noteRound(mark)
    this.#addMark((out) => out.onRound(mark))
  }

  override onSignal(signal: Signal, value: SignalValue): void {
    this.#addMark((out) => out.onSignal(signal, value))
  }

  #addMark(pass: (out: Receiver<unknown>) => void): void {
    this.#marks++
    this.#queue.addFence((out) => {
      this.#marks--
      pass(out)
    })
  }

  override onEnd(): void {
    this.#queue.addFence((out) => out.onEnd())
  }

  override onBarrier(epoch: number): void {
    const { calls } = this.#handles
    if (this.#queue.size > 0 || calls.get().length > 0) calls.set([...this.#queue.calls()])
    this.context.delta.setOperatorState(this.context.uid, this.#states.snapshot())
    super.onBarrier(epoch)
  }

  get #handles(): StateHandles<WaitingCalls> {
    return this.#states.handles
  }

  #startWaiting(): void {
    while (this.#started.size < this.#settings.capacity) {
      const call = this.#unstarted.shift()
      if (call === undefined) return
      this.#start(call)
    }
  }

  #start(call: Call): void {
    call.deadline = this.context.clock.now() + this.#settings.timeoutMs
    this.#started.add(call)
    this.#attempt(call)
    if (!call.isDone) this.#alarm.set(call.deadline)
  }

  #attempt(call: Call): void {
    call.attempt++
    let result: unknown
    try {
      result = this.#function.onRecord(call.value, call)
    } catch (cause) {
      this.#onFailure(call, cause)
      return
    }
    if (isPromise(result)) {
      result.then(
        (value) => this.#soon(() => this.#onResult(call, value)),
        (cause) => this.#soon(() => this.#onFailure(call, cause)),
      )
    } else this.#onResult(call, result)
  }

  /** Between two batches, where calls that are done make room for others. */
  #soon(callback: () => void): void {
    this.context.post(() => {
      callback()
      this.#startWaiting()
    })
  }

  #onResult(call: Call, result: unknown): void {
    // It has timed out meanwhile.
    if (call.isDone) return
    const { onResult, backOff } = this.#settings
    if (onResult !== null && call.attempt < backOff.maxAttempts && this.#asks(onResult, result)) this.#retry(call)
    else this.#finish(call, result)
  }

  #onFailure(call: Call, cause: unknown): void {
    if (call.isDone) return
    const { onError, backOff } = this.#settings
    if (call.attempt < backOff.maxAttempts && this.#asks(onError, cause)) this.#retry(call)
    else this.#fallBack(call, this.failed(cause))
  }

  #asks(predicate: (value: unknown) => boolean, value: unknown): boolean {
    try {
      return predicate(value)
    } catch (cause) {
      throw this.failed(cause)
    }
  }

  #retry(call: Call): void {
    const { clock } = this.context
    this.#retries.value++
    this.context.schedule(clock.now() + this.#settings.backOff.delayMs(call.attempt, this.#random), () => {
      if (call.isDone) return
      this.#attempt(call)
      this.#startWaiting()
    })
  }

  #fallBack(call: Call, error: StreamError): void {
    const { fallback } = this.#settings
    if (fallback === null) throw error
    let result: unknown
    try {
      result = fallback(call.value, error)
    } catch (cause) {
      throw this.failed(cause)
    }
    this.#finish(call, result)
  }

  #finish(call: Call, result: unknown): void {
    call.isDone = true
    call.result = result
    this.#started.delete(call)
    this.#queue.onDone(call)
  }

  #send(call: Call): void {
    const { records } = this.#settings
    if (records === null) {
      this.out.onRecord(call.result, call.timestamp)
      return
    }
    try {
      for (const record of records(call.value, call.result)) this.out.onRecord(record, call.timestamp)
    } catch (cause) {
      throw this.failed(cause)
    }
  }

  #onDeadline(): void {
    const now = this.context.clock.now()
    for (const call of this.#started) {
      if (call.deadline > now) {
        this.#alarm.set(call.deadline)
        break
      }
      this.#timeOut(call)
    }
    this.#startWaiting()
  }

  #timeOut(call: Call): void {
    const { timeoutMs } = this.#settings
    const attempts = call.attempt === 1 ? '' : ` and ${call.attempt} attempts`
    const error = new StreamError(
      'CALL_TIMED_OUT',
      `A call of '${this.context.name}' had no result after ${timeoutMs} ms${attempts}.`,
      { where: { operator: this.context.uid } },
    )
    this.#timeouts.value++
    call.abort(error)
    this.#fallBack(call, error)
  }
}

function isPromise(result: unknown): result is PromiseLike<unknown> {
  return typeof (result as PromiseLike<unknown> | null | undefined)?.then === 'function'
}
