import { TimestampError } from '../../errors.ts'
import type { Counter } from '../../metrics/registry.ts'
import type { StateEntry } from '../../state/backend.ts'
import type { NoState, StateHandles } from '../../state/keyed/descriptor.ts'
import type { KeySlot } from '../../state/keyed/key-table.ts'
import { OneInputOperator } from '../base-operator.ts'
import type { RoundMark } from '../loop/round.ts'
import { openContext } from '../open-context.ts'
import {
  MIN_WATERMARK,
  type OperatorContext,
  type PendingWork,
  type Receiver,
  type StateCatalogEntry,
} from '../operator.ts'
import type { OutputTag } from '../output-tag.ts'
import type { Collector } from '../process-function.ts'
import type { Signal, SignalValue } from '../signal/signal.ts'
import type { TimeDomain } from '../timer-service.ts'
import { CachedPanes, type KeyWindows } from './cached-panes.ts'
import type { KeyPanes } from './pane.ts'
import type { PaneContents } from './pane-contents.ts'
import { PaneStore } from './pane-store.ts'
import type { TimeWindow } from './window-assigner.ts'
import type { AnyWindowFunction, FiringTime, WindowContext } from './window-function.ts'

export interface WindowingOptions {
  readonly key: (value: never) => unknown
  readonly contents: PaneContents
  readonly allowedLatenessMs: number
  readonly lateTag: string | null
  /** Null emits the result as it is. */
  readonly function: AnyWindowFunction | null
}

const NO_HANDLES: StateHandles<NoState> = {}

/**
 * What window operators share: keys and lateness of records, and running the window function. The operator is the context
 * and the collector of its function: no object for each firing.
 */
export abstract class WindowingOperator
  extends OneInputOperator<never, unknown>
  implements WindowContext<unknown>, Collector<unknown>
{
  key: unknown = undefined
  isUpdate = false
  firing: FiringTime = 'on-time'
  watermark: number = MIN_WATERMARK
  windowState: StateHandles<NoState> = NO_HANDLES
  keyState: StateHandles<NoState> = NO_HANDLES
  protected readonly options: WindowingOptions
  protected readonly isEventTime: boolean
  protected store!: PaneStore
  /** Set where not all keys are on the heap. */
  protected cached: CachedPanes | null = null
  #start = 0
  #end = 0
  /** Event time of what is emitted now. */
  #timestamp = 0
  #late!: Counter
  #lateOutput: Receiver<unknown> | undefined
  readonly #sides = new Map<string, Receiver<unknown> | null>()

  constructor(options: WindowingOptions, domain: TimeDomain | null) {
    super()
    this.options = options
    this.isEventTime = domain === 'event'
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.store = this.createStore()
    this.#late = context.metrics.counter(
      'millrace_records_late',
      'Records that came after the allowed lateness of their windows',
    )
    if (context.stateReader !== null) {
      this.cached = new CachedPanes(context, this.store, this.keyWindows(), context.stateReader)
    }
    if (this.options.lateTag !== null) this.#lateOutput = context.output(this.options.lateTag)
  }

  override get catalog(): readonly StateCatalogEntry[] {
    return this.store.catalog
  }

  override get pending(): PendingWork | null {
    return this.cached
  }

  override restoresAtStart(state: string): boolean {
    return this.cached === null || this.cached.restoresAtStart(state)
  }

  override onApplied(epoch: number): void {
    this.cached?.onApplied(epoch)
  }

  override restore(entry: StateEntry): void {
    let isTaken: boolean
    try {
      isTaken = (this.cached ?? this.store).restore(entry)
    } catch (cause) {
      throw this.failed(cause)
    }
    if (!isTaken) super.restore(entry)
  }

  override open(): void | Promise<void> {
    return this.options.function?.open?.(openContext(this.context))
  }

  override close(): void | Promise<void> {
    return this.options.function?.close?.()
  }

  override onIdle(idle: boolean): void {
    if (this.cached === null) this.out.onIdle(idle)
    else this.cached.control(() => this.out.onIdle(idle), true)
  }

  override onRound(mark: RoundMark): void {
    if (this.cached === null) super.onRound(mark)
    else this.cached.control(() => super.onRound(mark), false)
  }

  override onSignal(signal: Signal, value: SignalValue): void {
    if (this.cached === null) super.onSignal(signal, value)
    else this.cached.control(() => super.onSignal(signal, value), false)
  }

  override onBarrier(epoch: number): void {
    try {
      if (this.cached === null) this.store.collect(this.context.delta.changes)
      else this.cached.collect(epoch)
    } catch (cause) {
      throw this.failed(cause)
    }
    this.out.onBarrier(epoch)
  }

  get window(): TimeWindow {
    return { start: this.#start, end: this.#end }
  }

  now(): number {
    return this.context.clock.now()
  }

  emit(value: unknown, timestamp: number = this.#timestamp): void {
    this.out.onRecord(value, timestamp)
  }

  side<T>(tag: OutputTag<T>, value: T): void {
    let receiver = this.#sides.get(tag.id)
    if (receiver === undefined) {
      receiver = this.context.output(tag.id) ?? null
      this.#sides.set(tag.id, receiver)
    }
    receiver?.onRecord(value, this.#timestamp)
  }

  protected createStore(): PaneStore {
    return new PaneStore(this.context.uid, '$panes', this.options.contents, this.context.maxParallelism)
  }

  /** What a cache is to know of the windows of a key. */
  protected abstract keyWindows(): KeyWindows

  /** Runs `add` when the windows of the record's key are there. */
  protected recordCached(cached: CachedPanes, value: never, add: (slot: KeySlot<KeyPanes>) => void): void {
    try {
      cached.record(this.options.key(value), (slot) => {
        try {
          add(slot)
        } catch (cause) {
          throw this.failed(cause)
        }
      })
    } catch (cause) {
      throw this.failed(cause)
    }
  }

  protected watermarkCached(cached: CachedPanes, watermark: number): void {
    const begin = (): number => {
      this.watermark = watermark
      return watermark
    }
    cached.advance('event', begin, () => this.out.onWatermark(watermark))
  }

  /** The time of a record in the domain of the windows. */
  protected timeOf(timestamp: number): number {
    const time = this.isEventTime ? timestamp : this.context.clock.now()
    if (time !== Number.NEGATIVE_INFINITY) return time
    throw new TimestampError(
      'The record has no timestamp, but its window goes by event time. Give the source a watermark strategy (time: …), or use windows of processing time.',
      { where: { operator: this.context.uid } },
    )
  }

  protected onLate(value: unknown, timestamp: number): void {
    this.#late.value++
    this.#lateOutput?.onRecord(value, timestamp)
  }

  /** Points the context at a window. What is emitted carries the window's last millisecond, or `timestamp`. */
  protected enter(key: unknown, start: number, end: number, timestamp: number = end - 1): void {
    this.key = key
    this.#start = start
    this.#end = end
    this.#timestamp = timestamp
  }

  /** Runs the function over what the window that was entered holds. */
  protected emitResult(contents: unknown): void {
    let result: unknown
    try {
      result = this.options.contents.result(contents)
    } catch (cause) {
      throw this.failed(cause)
    }
    this.emitValue(result)
  }

  /** Runs the function over the result of the window that was entered. */
  protected emitValue(result: unknown): void {
    const windowFunction = this.options.function
    try {
      if (windowFunction === null) this.out.onRecord(result, this.#timestamp)
      else windowFunction.onWindow(result, this, this)
    } catch (cause) {
      throw this.failed(cause)
    }
  }
}
