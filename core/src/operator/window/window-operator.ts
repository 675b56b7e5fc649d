import { TimestampError } from '../../errors.ts'
import type { Counter } from '../../metrics/registry.ts'
import type { StateEntry } from '../../state/backend.ts'
import type { KeySlot } from '../../state/keyed/key-table.ts'
import type { CancelTimer } from '../../time/clock.ts'
import { OneInputOperator } from '../base-operator.ts'
import { MIN_WATERMARK, type OperatorContext, type Receiver, type StateCatalogEntry } from '../operator.ts'
import type { Collector } from '../process-function.ts'
import { type KeyPanes, Pane } from './pane.ts'
import type { PaneContents } from './pane-contents.ts'
import { PaneQueue } from './pane-queue.ts'
import { PaneStore } from './pane-store.ts'
import { lastWindowStart, type TimeWindow, type WindowAssigner } from './window-assigner.ts'

/** What a window function is told beside the result. */
export interface WindowContext<K> {
  readonly key: K
  readonly window: TimeWindow
  /** True when the window has fired before and late records changed it. */
  readonly isUpdate: boolean
}

export type EmitWindow = (result: unknown, context: WindowContext<unknown>, out: Collector<unknown>) => void

export interface WindowOptions {
  readonly key: (value: never) => unknown
  readonly assigner: WindowAssigner
  readonly contents: PaneContents
  readonly allowedLatenessMs: number
  readonly lateTag: string | null
  /** Null emits the result as it is. */
  readonly emit: EmitWindow | null
}

/**
 * Gathers the records of each key in windows and fires them when time has passed their end. A record is late when even
 * the allowed lateness of all its windows has passed; it is counted and goes to the late side output.
 * Records that come after the firing, but within the lateness, fire the window again at once.
 *
 * Watermark semantics: Akidau et al., The Dataflow Model, VLDB 2015.
 */
export class WindowOperator
  extends OneInputOperator<never, unknown>
  implements WindowContext<unknown>, Collector<unknown>
{
  readonly #options: WindowOptions
  readonly #queue = new PaneQueue()
  readonly #isEventTime: boolean
  #store!: PaneStore
  #late!: Counter
  #lateOutput: Receiver<unknown> | undefined
  #watermark = MIN_WATERMARK
  #firing: Pane | null = null
  #ending = false
  #wakeUpMs = Number.POSITIVE_INFINITY
  #cancelWakeUp: CancelTimer | null = null

  constructor(options: WindowOptions) {
    super()
    this.#options = options
    this.#isEventTime = options.assigner.domain === 'event'
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    this.#store = new PaneStore(context.uid, this.#options.contents, context.maxParallelism)
    this.#late = context.metrics.counter(
      'millrace_records_late',
      'Records that came after the allowed lateness of their windows',
    )
    if (this.#options.lateTag !== null) this.#lateOutput = context.output(this.#options.lateTag)
  }

  override get catalog(): readonly StateCatalogEntry[] {
    return [this.#store.catalogEntry]
  }

  override restore(entry: StateEntry): void {
    try {
      this.#store.restore(entry)
    } catch (cause) {
      throw this.failed(cause)
    }
  }

  override open(): void {
    for (const pane of this.#store.restored()) this.#enqueue(pane)
    this.#wakeUp()
  }

  onRecord(value: never, timestamp: number): void {
    const time = this.#isEventTime ? timestamp : this.context.clock.now()
    if (time === Number.NEGATIVE_INFINITY) {
      throw new TimestampError(
        'The record has no timestamp, but its window goes by event time. Give the source a watermark strategy (time: …), or use windows of processing time.',
        { where: { operator: this.context.uid } },
      )
    }
    try {
      const slot = this.#store.table.slot(this.#options.key(value))
      const { assigner } = this.#options
      const taken =
        assigner.kind === 'session'
          ? this.#addToSession(slot, value, time, assigner.gapMs)
          : this.#addToAligned(slot, value, time)
      if (!taken) this.#onLate(value, timestamp)
    } catch (cause) {
      throw this.failed(cause)
    }
    if (!this.#isEventTime) this.#wakeUp()
  }

  override onWatermark(watermark: number): void {
    this.#watermark = watermark
    if (this.#isEventTime) this.#advance(watermark)
    this.out.onWatermark(watermark)
  }

  override onBarrier(epoch: number): void {
    try {
      this.#store.collect(this.context.delta.changes)
    } catch (cause) {
      throw this.failed(cause)
    }
    this.out.onBarrier(epoch)
  }

  override onEnd(): void {
    // The clock will not come to the end of open windows any more.
    this.#ending = true
    this.#advance(Number.POSITIVE_INFINITY)
    this.#cancelWakeUp?.()
    this.out.onEnd()
  }

  // The operator is the context and the collector of its window function: no object for each firing.
  get key(): unknown {
    return this.#firing?.slot.key
  }

  get window(): TimeWindow {
    const { start, end } = this.#firing as Pane
    return { start, end }
  }

  get isUpdate(): boolean {
    return this.#firing?.fired === true
  }

  emit(value: unknown, timestamp: number = (this.#firing as Pane).end - 1): void {
    this.out.onRecord(value, timestamp)
  }

  #addToAligned(slot: KeySlot<KeyPanes>, value: unknown, time: number): boolean {
    const { sizeMs, slideMs, offsetMs } = this.#options.assigner as Extract<WindowAssigner, { sizeMs: number }>
    const { panes } = slot.data
    let at = panes.length - 1
    let taken = false
    for (let start = lastWindowStart(time, slideMs, offsetMs); start > time - sizeMs; start -= slideMs) {
      const end = start + sizeMs
      if (this.#isGone(end)) break
      taken = true
      while (at >= 0 && (panes[at] as Pane).start > start) at--
      let pane = panes[at]
      if (pane === undefined || pane.start !== start) {
        pane = new Pane(slot, start, start, end)
        panes.splice(at + 1, 0, pane)
        this.#enqueue(pane)
      } else {
        at--
      }
      this.#add(pane, value)
    }
    // Slides that are longer than the size leave gaps; records in a gap belong to no window and are not late.
    return taken || slideMs > sizeMs
  }

  #addToSession(slot: KeySlot<KeyPanes>, value: unknown, time: number, gapMs: number): boolean {
    const { panes } = slot.data
    let start = time
    let end = time + gapMs
    // Windows that touch are one session. Panes ascend and do not overlap, so those that merge are neighbours.
    let last = panes.length - 1
    while (last >= 0 && (panes[last] as Pane).start > end) last--
    let first = last + 1
    while (first > 0 && (panes[first - 1] as Pane).end >= start) {
      first--
      const pane = panes[first] as Pane
      start = Math.min(start, pane.start)
      end = Math.max(end, pane.end)
    }
    if (this.#isGone(end)) return false
    let pane: Pane
    if (first > last) {
      pane = new Pane(slot, time, start, end)
      panes.splice(first, 0, pane)
    } else {
      pane = this.#merge(panes.slice(first, last + 1))
    }
    pane.start = start
    if (pane.end !== end || Number.isNaN(pane.dueMs)) {
      pane.end = end
      // A session that has fired and goes on will fire anew.
      if (pane.fired && !this.#hasPassed(end - 1)) pane.fired = false
      // An entry of the queue that is too early finds the later end when it is taken.
      if (Number.isNaN(pane.dueMs) || pane.dueMs > end - 1) this.#enqueue(pane)
    }
    this.#add(pane, value)
    return true
  }

  #merge(panes: readonly Pane[]): Pane {
    const [kept, ...others] = panes as [Pane, ...Pane[]]
    const { contents } = this.#options
    for (const other of others) {
      kept.contents = contents.merge(kept.contents, other.contents)
      kept.storedElements = 0
      this.#store.remove(other)
    }
    return kept
  }

  #add(pane: Pane, value: unknown): void {
    pane.contents = this.#options.contents.add(pane.contents, value)
    this.#store.markDirty(pane)
    if (this.#isEventTime && this.#hasPassed(pane.end - 1)) this.#fire(pane)
  }

  /** Whether event time has passed the window and its lateness, so that nothing can be added to it. */
  #isGone(end: number): boolean {
    return this.#isEventTime && end - 1 + this.#options.allowedLatenessMs <= this.#watermark
  }

  #hasPassed(timeMs: number): boolean {
    return this.#isEventTime && timeMs <= this.#watermark
  }

  #enqueue(pane: Pane): void {
    this.#queue.add(pane, pane.fired ? pane.end - 1 + this.#options.allowedLatenessMs : pane.end - 1)
  }

  /** Fires and clears what is due up to and including this time. */
  #advance(upToMs: number): void {
    while (!this.#queue.isEmpty && this.#queue.nextMs <= upToMs) {
      const timeMs = this.#queue.nextMs
      for (const pane of this.#queue.take()) {
        if (!pane.alive || pane.dueMs !== timeMs) continue
        this.#onDue(pane, timeMs)
      }
    }
  }

  #onDue(pane: Pane, timeMs: number): void {
    if (!pane.fired && pane.end - 1 > timeMs) {
      this.#enqueue(pane)
      return
    }
    if (!pane.fired) this.#fire(pane)
    const keepUntilMs = pane.end - 1 + this.#options.allowedLatenessMs
    if (this.#isEventTime && keepUntilMs > timeMs && !this.#ending) {
      this.#store.markDirty(pane)
      this.#enqueue(pane)
    } else {
      this.#store.remove(pane)
    }
  }

  #fire(pane: Pane): void {
    this.#firing = pane
    try {
      const result = this.#options.contents.result(pane.contents)
      const { emit } = this.#options
      if (emit === null) this.out.onRecord(result, pane.end - 1)
      else emit(result, this, this)
    } catch (cause) {
      throw this.failed(cause)
    }
    pane.fired = true
  }

  #onLate(value: unknown, timestamp: number): void {
    this.#late.value++
    this.#lateOutput?.onRecord(value, timestamp)
  }

  #wakeUp(): void {
    if (this.#isEventTime || this.#ending) return
    const nextMs = this.#queue.nextMs
    if (nextMs >= this.#wakeUpMs || nextMs === Number.POSITIVE_INFINITY) return
    this.#cancelWakeUp?.()
    // A window ends when the clock has reached its end, one millisecond after the last that belongs to it.
    this.#wakeUpMs = nextMs
    this.#cancelWakeUp = this.context.schedule(nextMs + 1, () => {
      this.#wakeUpMs = Number.POSITIVE_INFINITY
      this.#cancelWakeUp = null
      this.#advance(this.context.clock.now() - 1)
      this.#wakeUp()
    })
  }
}
