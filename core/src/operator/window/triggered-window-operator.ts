import { UserFunctionError } from '../../errors.ts'
import { decodeKey } from '../../serde/key-codec.ts'
import type { StateEntry } from '../../state/backend.ts'
import { createHandles } from '../../state/keyed/create-handle.ts'
import type { NoState, StateDescriptors, StateHandles } from '../../state/keyed/descriptor.ts'
import type { KeySlot } from '../../state/keyed/key-table.ts'
import { declareCells, KeyedStates } from '../../state/keyed/keyed-states.ts'
import { StateTime } from '../../state/keyed/ttl.ts'
import { ClockAlarm } from '../clock-alarm.ts'
import type { OperatorContext, StateCatalogEntry } from '../operator.ts'
import type { TimerFired } from '../process-function.ts'
import { TimerService, timerCells } from '../timer-service.ts'
import type { KeyWindows } from './cached-panes.ts'
import { DueQueue } from './due-queue.ts'
import type { Evictor, WindowElement } from './evictor.ts'
import type { KeyPanes, Pane } from './pane.ts'
import { type PaneStateDeclaration, type PaneStateSlot, PaneStates } from './pane-states.ts'
import { PaneStore } from './pane-store.ts'
import { PaneTimers } from './pane-timers.ts'
import type { Trigger, TriggerContext, TriggerDecision } from './trigger.ts'
import { triggeredKeyWindows } from './triggered-key-windows.ts'
import { isMerging, type TimeWindow, type WindowAssigner } from './window-assigner.ts'
import type { AnyWindowFunction } from './window-function.ts'
import type { WindowGrid } from './window-grid.ts'
import {
  declared,
  PaneOwner,
  pick,
  prefixed,
  TRIGGER_PREFIX,
  WINDOW_PREFIX,
  type WindowTimers,
  WindowTriggerContext,
} from './window-trigger-context.ts'
import { WindowingOperator, type WindowingOptions } from './windowing-operator.ts'

export interface TriggeredWindowOptions extends WindowingOptions {
  readonly assigner: WindowAssigner
  readonly trigger: Trigger<never>
  /** Needs contents that are elements with their times. */
  readonly evictor: Evictor<never> | null
  /** Computes the function's input from the values that an evictor left; null hands over the values. */
  readonly fold: ((values: readonly unknown[]) => unknown) | null
}

const GLOBAL: TimeWindow = { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY }

/**
 * Windows of any kind, fired by a trigger: with evictors, state of windows and keys, merging by any assigner. What time
 * alone fires and only gathers is left to `WindowOperator` and `SlicedWindowOperator`, which do the same faster.
 */
export class TriggeredWindowOperator extends WindowingOperator {
  readonly #options: TriggeredWindowOptions
  readonly #trigger: Trigger<unknown, StateDescriptors>
  readonly #function: AnyWindowFunction | null
  readonly #isMerging: boolean
  readonly #isProcessingTime: boolean
  /** When windows are forgotten. */
  readonly #ends = new DueQueue<Pane>()
  #grid: WindowGrid | null = null
  #keyStates: KeyedStates | null = null
  #paneOwner!: PaneOwner
  /** Where all windows are on the heap. */
  #timers: TimerService | null = null
  /** Where not all are. */
  #paneTimers: PaneTimers | null = null
  #triggerContext!: WindowTriggerContext
  #alarm!: ClockAlarm
  #ending = false

  constructor(options: TriggeredWindowOptions) {
    super(options, options.assigner.kind === 'global' ? null : options.assigner.domain)
    this.#options = options
    this.#trigger = options.trigger as unknown as Trigger<unknown, StateDescriptors>
    this.#function = options.function
    this.#isMerging = isMerging(options.assigner)
    this.#isProcessingTime = options.assigner.kind !== 'global' && options.assigner.domain === 'processing'
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    const { assigner } = this.#options
    if (assigner.kind === 'tumbling' || assigner.kind === 'sliding' || assigner.kind === 'cumulative') {
      this.#grid = assigner.grid(context.index, context.parallelism)
    }
    const schedule = (timeMs: number, callback: () => void): (() => void) => context.schedule(timeMs, callback)
    // State of windows does not expire by itself, which the graph's check sees to.
    const time = new StateTime(context.clock)
    const triggerStates = this.#trigger.state ?? {}
    const windowStates = this.#function?.windowState ?? {}
    const firstTimer = Object.keys(triggerStates).length + Object.keys(windowStates).length
    if (this.cached === null) {
      this.#timers = new TimerService(
        this.#paneOwner,
        firstTimer,
        (slot, timeMs, domain) => this.#onTimer((slot as PaneStateSlot).pane, { timeMs, domain }),
        schedule,
        () => context.clock.now(),
      )
    } else this.#paneTimers = new PaneTimers(this.#paneOwner, firstTimer)
    const timers = (this.#timers ?? this.#paneTimers) as WindowTimers
    const handles = createHandles(
      { ...prefixed(TRIGGER_PREFIX, triggerStates), ...prefixed(WINDOW_PREFIX, windowStates) },
      this.#paneOwner,
      time,
    )
    this.#triggerContext = new WindowTriggerContext(this, pick(handles, TRIGGER_PREFIX, triggerStates), timers)
    this.windowState = pick(handles, WINDOW_PREFIX, windowStates)
    const keyStates = this.#function?.keyState ?? {}
    if (Object.keys(keyStates).length > 0) {
      this.#keyStates = new KeyedStates(context.uid, context.maxParallelism, declareCells(keyStates, time))
      this.keyState = createHandles(keyStates, this.#keyStates, time) as StateHandles<NoState>
    }
    this.#alarm = new ClockAlarm(schedule, () => this.#onClock())
  }

  override get catalog(): readonly StateCatalogEntry[] {
    return [...super.catalog, ...(this.#keyStates?.catalog ?? [])]
  }

  override restore(entry: StateEntry): void {
    if (this.#keyStates !== null && !this.store.states.has(entry.state) && !entry.state.endsWith('/$panes')) {
      const key = decodeKey(Buffer.from(entry.key.buffer, entry.key.byteOffset, entry.key.length))
      if (this.#keyStates.restore(entry, key)) return
    }
    super.restore(entry)
  }

  override async open(): Promise<void> {
    await super.open()
    this.cached?.open()
    for (const pane of this.store.restored()) this.#scheduleEnd(pane)
    this.#timers?.open()
    this.#wakeUp()
  }

  onRecord(value: never, timestamp: number): void {
    if (this.cached !== null) {
      this.recordCached(this.cached, value, (slot) => this.#addRecord(slot, value, timestamp))
      return
    }
    try {
      this.#addRecord(this.store.table.slot(this.options.key(value)), value, timestamp)
    } catch (cause) {
      throw this.failed(cause)
    }
    if (this.#isProcessingTime) this.#wakeUp()
  }

  override onWatermark(watermark: number): void {
    if (this.cached !== null) {
      this.watermarkCached(this.cached, watermark)
      return
    }
    const timers = this.#timers as TimerService
    this.watermark = watermark
    // Timers and ends in the order of their times: what a window's trigger waits for comes before the window goes.
    if (this.isEventTime) {
      while (!this.#ends.isEmpty && this.#ends.nextMs <= watermark) {
        const timeMs = this.#ends.nextMs
        timers.onWatermark(timeMs)
        this.#clear(timeMs)
      }
    }
    timers.onWatermark(watermark)
    this.out.onWatermark(watermark)
  }

  override onBarrier(epoch: number): void {
    try {
      this.#keyStates?.collect(this.context.delta.changes, epoch)
    } catch (cause) {
      throw this.failed(cause)
    }
    super.onBarrier(epoch)
  }

  override onEnd(): void {
    const end = (): void => {
      this.#alarm.cancel()
      this.out.onEnd()
    }
    if (this.cached !== null) {
      this.cached.control(() => {
        this.#ending = true
      }, false)
      this.cached.drain(end)
      return
    }
    this.#ending = true
    this.#timers?.onEnd(true)
    this.#timers?.stop()
    // The clock will not come to the end of windows of processing time any more.
    if (this.#isProcessingTime) this.#clear(Number.POSITIVE_INFINITY)
    end()
  }

  protected override keyWindows(): KeyWindows {
    return triggeredKeyWindows({
      uid: this.context.uid,
      domain: this.isEventTime ? 'event' : 'processing',
      keptMs: this.isEventTime ? this.options.allowedLatenessMs : 1,
      timers: () => this.#paneTimers as PaneTimers,
      onTimer: (pane, timer) => this.#onTimer(pane, timer),
      onEnd: (pane) => this.#remove(pane),
      onQueued: () => this.#wakeUp(),
      keyStates: () => this.#keyStates,
    })
  }

  #addRecord(slot: KeySlot<KeyPanes>, value: never, timestamp: number): void {
    const { assigner } = this.#options
    if (assigner.kind === 'global') {
      this.#addTo(slot, GLOBAL, value, timestamp)
      return
    }
    const time = this.timeOf(timestamp)
    if (this.#grid !== null) this.#addToGrid(this.#grid, slot, value, time, timestamp)
    else if (assigner.kind === 'session') {
      const gap = typeof assigner.gap === 'number' ? assigner.gap : assigner.gap(value)
      if (!this.#addToMerging(slot, { start: time, end: time + gap }, value, time)) this.onLate(value, timestamp)
    } else if (assigner.kind === 'custom') this.#addToCustom(assigner, slot, value, time, timestamp)
  }

  protected override createStore(): PaneStore {
    const { uid, maxParallelism, clock } = this.context
    const time = new StateTime(clock)
    const declarations: PaneStateDeclaration[] = [
      ...declared(TRIGGER_PREFIX, this.#trigger.state ?? {}, time),
      ...declared(WINDOW_PREFIX, this.#function?.windowState ?? {}, time),
      ...timerCells.map((cell) => ({ cell, descriptor: null })),
    ]
    const store = new PaneStore(uid, '$panes', this.options.contents, maxParallelism, new PaneStates(uid, declarations))
    this.#paneOwner = new PaneOwner(store)
    return store
  }

  #addToGrid(grid: WindowGrid, slot: KeySlot<KeyPanes>, value: unknown, time: number, timestamp: number): void {
    let isTaken = false
    let end = grid.firstEnd(time)
    // In a gap between windows.
    if (grid.startOf(end) > time) return
    for (let start = grid.startOf(end); start <= time; end = grid.nextEnd(end), start = grid.startOf(end)) {
      if (this.#isGone(end)) continue
      isTaken = true
      this.#addTo(slot, { start, end }, value, time)
    }
    if (!isTaken) this.onLate(value, timestamp)
  }

  #addToCustom(
    assigner: Extract<WindowAssigner, { kind: 'custom' }>,
    slot: KeySlot<KeyPanes>,
    value: never,
    time: number,
    timestamp: number,
  ): void {
    let isTaken = false
    let hasWindow = false
    for (const window of assigner.assign(value, time)) {
      if (!(window.end > window.start)) {
        throw new UserFunctionError(
          `The window function gave a window from ${window.start} to ${window.end}; a window must end after it begins.`,
          { where: { operator: this.context.uid } },
        )
      }
      hasWindow = true
      if (this.#isMerging) isTaken = this.#addToMerging(slot, window, value, time) || isTaken
      else if (!this.#isGone(window.end)) {
        isTaken = true
        this.#addTo(slot, window, value, time)
      }
    }
    if (hasWindow && !isTaken) this.onLate(value, timestamp)
  }

  #addTo(slot: KeySlot<KeyPanes>, { start, end }: TimeWindow, value: unknown, time: number): void {
    const { panes } = slot.data
    let at = panes.length - 1
    while (at >= 0 && isAfter(panes[at] as Pane, start, end)) at--
    let pane = panes[at]
    if (pane === undefined || pane.end !== end || pane.start !== start) {
      pane = this.store.insert(slot, at + 1, freeId(panes), start, end)
      this.#scheduleEnd(pane)
    }
    this.#add(pane, value, time)
  }

  #addToMerging(slot: KeySlot<KeyPanes>, window: TimeWindow, value: unknown, time: number): boolean {
    const { panes } = slot.data
    let { start, end } = window
    const touched: Pane[] = []
    for (let isGrowing = true; isGrowing; ) {
      isGrowing = false
      for (const pane of panes) {
        if (pane.start > end || pane.end < start || touched.includes(pane)) continue
        touched.push(pane)
        start = Math.min(start, pane.start)
        end = Math.max(end, pane.end)
        isGrowing = true
      }
    }
    if (this.#isGone(end)) return false
    const pane = this.#merge(slot, touched, start, end)
    this.#add(pane, value, time)
    return true
  }

  /** Makes the panes one, with these bounds. */
  #merge(slot: KeySlot<KeyPanes>, touched: Pane[], start: number, end: number): Pane {
    const { panes } = slot.data
    touched.sort((a, b) => a.start - b.start)
    const [kept, ...others] = touched
    if (kept === undefined) {
      const at = panes.findIndex((pane) => isAfter(pane, start, end))
      const pane = this.store.insert(slot, at === -1 ? panes.length : at, freeId(panes), start, end)
      this.#scheduleEnd(pane)
      return pane
    }
    if (others.length === 0 && kept.start === start && kept.end === end) return kept
    const merge = this.options.contents.merge as (left: unknown, right: unknown) => unknown
    for (const pane of touched) this.#deleteTimers(pane)
    for (const other of others) {
      if (other.contents !== undefined) {
        kept.contents = kept.contents === undefined ? other.contents : merge(kept.contents, other.contents)
        kept.storedElements = 0
      }
      this.store.states.merge(kept.state as PaneStateSlot, other.state as PaneStateSlot)
      this.store.remove(other)
    }
    // With other bounds it is another window, which has not fired yet.
    kept.fired = false
    kept.firedAtEnd = false
    kept.start = start
    kept.end = end
    panes.sort((a, b) => a.end - b.end || a.start - b.start)
    this.store.markDirty(kept)
    this.#scheduleEnd(kept)
    this.#enterPane(kept)
    this.#trigger.onMerge?.(this.#triggerContext as unknown as TriggerContext<StateDescriptors>)
    return kept
  }

  #add(pane: Pane, value: unknown, time: number): void {
    pane.contents = this.options.contents.add(pane.contents, value, time)
    this.store.markDirty(pane)
    this.#enterPane(pane)
    const context = this.#triggerContext as unknown as TriggerContext<StateDescriptors>
    this.#decide(pane, this.#trigger.onRecord(value, time, context), time)
  }

  #onTimer(pane: Pane, timer: TimerFired): void {
    if (!pane.alive || this.#trigger.onTimer === undefined) return
    this.#enterPane(pane)
    try {
      const context = this.#triggerContext as unknown as TriggerContext<StateDescriptors>
      this.#decide(pane, this.#trigger.onTimer(timer, context), timer.timeMs)
    } catch (cause) {
      throw this.failed(cause)
    }
  }

  /** `time` is when it was decided, which is the timestamp of results of a window without an end. */
  #decide(pane: Pane, decision: TriggerDecision, time: number): void {
    if (decision === 'continue') return
    if (decision !== 'purge') this.#fire(pane, time)
    if (decision === 'fire') return
    pane.contents = undefined
    pane.storedElements = 0
    this.store.markDirty(pane)
    // A window without an end would stay for ever, though nothing is kept for it.
    if (pane.end === Number.POSITIVE_INFINITY && this.store.states.isEmpty(pane.state as PaneStateSlot)) {
      this.store.remove(pane)
    }
  }

  #fire(pane: Pane, time: number): void {
    if (pane.contents === undefined) return
    this.#enterPane(pane, time)
    this.isUpdate = pane.fired
    this.firing = this.#firingTime(pane)
    const { evictor, fold } = this.#options
    if (evictor === null) this.emitResult(pane.contents)
    else this.#fireEvicted(pane, evictor as Evictor<unknown>, fold)
    pane.fired = true
    if (this.firing !== 'early') pane.firedAtEnd = true
    this.store.markDirty(pane)
  }

  #fireEvicted(pane: Pane, evictor: Evictor<unknown>, fold: TriggeredWindowOptions['fold']): void {
    const evict = (): void => {
      const elements = pane.contents as readonly WindowElement<unknown>[]
      const left = evictor.retain(elements, this.window)
      if (left.length === elements.length) return
      pane.contents = [...left]
      pane.storedElements = 0
    }
    if (evictor.when === 'before') evict()
    if (fold === null) this.emitResult(pane.contents)
    else this.emitValue(fold((pane.contents as readonly WindowElement<unknown>[]).map(({ value }) => value)))
    if (evictor.when === 'after') evict()
  }

  #firingTime(pane: Pane): 'early' | 'on-time' | 'late' {
    if (!this.isEventTime) return pane.end === Number.POSITIVE_INFINITY || pane.end <= this.now() ? 'on-time' : 'early'
    if (this.watermark < pane.end - 1) return 'early'
    return pane.firedAtEnd ? 'late' : 'on-time'
  }

  #enterPane(pane: Pane, time: number = pane.end - 1): void {
    this.enter(pane.slot.key, pane.start, pane.end, pane.end === Number.POSITIVE_INFINITY ? time : pane.end - 1)
    this.#paneOwner.current = pane.state as PaneStateSlot
    this.#triggerContext.key = pane.slot.key
    this.#triggerContext.window = { start: pane.start, end: pane.end }
    if (this.#keyStates !== null) this.#keyStates.current = this.#keyStates.table.slot(pane.slot.key)
  }

  #isGone(end: number): boolean {
    return this.isEventTime && end - 1 + this.options.allowedLatenessMs <= this.watermark
  }

  #scheduleEnd(pane: Pane): void {
    if (pane.end === Number.POSITIVE_INFINITY || this.cached !== null) return
    this.#ends.add(pane, pane.end - 1 + (this.isEventTime ? this.options.allowedLatenessMs : 0))
  }

  /** Forgets the windows whose time is over. */
  #clear(upToMs: number): void {
    while (!this.#ends.isEmpty && this.#ends.nextMs <= upToMs) {
      const timeMs = this.#ends.nextMs
      for (const pane of this.#ends.take()) {
        if (pane.alive && pane.dueMs === timeMs) this.#remove(pane)
      }
    }
  }

  #remove(pane: Pane): void {
    const onClear = this.#function?.onClear
    if (onClear != null) {
      this.#enterPane(pane)
      try {
        onClear(this)
      } catch (cause) {
        throw this.failed(cause)
      }
    }
    this.#deleteTimers(pane)
    this.store.remove(pane)
  }

  #deleteTimers(pane: Pane): void {
    this.#paneOwner.current = pane.state as PaneStateSlot
    this.#timers?.deleteAll()
    this.#paneTimers?.deleteAll()
  }

  #onClock(): void {
    const { clock } = this.context
    if (this.cached === null) this.#clear(clock.now() - 1)
    else
      this.cached.advance(
        'processing',
        () => clock.now(),
        () => this.#wakeUp(),
      )
    this.#wakeUp()
  }

  #wakeUp(): void {
    if (this.#ending) return
    if (this.cached !== null) {
      if (this.cached.nextClockMs < Number.POSITIVE_INFINITY) this.#alarm.set(this.cached.nextClockMs)
      return
    }
    // Behind the timers of the window's last moment.
    if (this.#isProcessingTime && !this.#ends.isEmpty) this.#alarm.set(this.#ends.nextMs + 2)
  }
}

function isAfter(pane: Pane, start: number, end: number): boolean {
  return pane.end > end || (pane.end === end && pane.start > start)
}

function freeId(panes: readonly Pane[]): number {
  let id = 0
  for (const pane of panes) if (pane.id >= id) id = pane.id + 1
  return id
}
