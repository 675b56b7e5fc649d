import { inspect } from 'node:util'
import { FencedError, StreamError } from '../../errors.ts'
import { decodeKey } from '../../serde/key-codec.ts'
import type { StateEntry } from '../../state/backend.ts'
import { keyGroupOf } from '../../state/key-group.ts'
import { type CachedKeys, KeyCache } from '../../state/keyed/key-cache.ts'
import type { CacheMark, KeySlot } from '../../state/keyed/key-table.ts'
import type { KeyedStates } from '../../state/keyed/keyed-states.ts'
import { KeyPrefetch, TIMER_KEYS } from '../key-prefetch.ts'
import type { OperatorContext, PendingWork, StateReader } from '../operator.ts'
import type { TimeDomain } from '../timer-service.ts'
import { TimeBuckets } from './due-queue.ts'
import type { CachedKey, KeyPanes, Pane } from './pane.ts'
import { type PaneStore, sortPanes, storedBounds } from './pane-store.ts'
import { ParkedKeys, type Times } from './parked-keys.ts'

type Slot = KeySlot<KeyPanes>

/** What an operator does with the windows of one key, where not all keys are on the heap. */
export interface KeyWindows {
  /** When something of the key is due in this domain; for the clock the time at which it is done. Infinity: never. */
  dueMs(slot: Slot, domain: TimeDomain): number
  /** Does all of the key that is due by this time. */
  onDue(slot: Slot, timeMs: number, domain: TimeDomain): void
  /** The panes of the key have been read. Before `due` nothing of them was. */
  onRead(slot: Slot, due: Times): void
  /** When a pane that was stored before the task started may be due; never later than it is. */
  storedDueMs(bounds: { start: number; end: number; fired: boolean }, domain: TimeDomain): number
  /** A key stands in the queue for the clock. */
  onQueued(): void
  /** States of panes that hold timers. */
  readonly timerStates: Readonly<Partial<Record<string, TimeDomain>>>
  /** State of keys beside that of their windows. */
  keyStates(): KeyedStates | null
  /** Keys that are due together are taken by key group: a barrier comes between two groups only. */
  readonly byKeyGroup: boolean
}

/** Keys that are due at a time, in the order in which they are taken. */
interface Firing {
  readonly timeMs: number
  readonly ids: readonly string[]
  at: number
}

const DOMAINS: readonly TimeDomain[] = ['event', 'processing']
const NEVER = Number.POSITIVE_INFINITY

/**
 * Stands between a window operator and its panes where not all keys are on the heap. A key is parked once its panes are stored:
 * what stays is when something of it is due and which panes it has, in a few bytes. Keys that are due are read in portions;
 * a barrier may pass between two of them, since the watermark comes again after a restart.
 */
export class CachedPanes implements CachedKeys<KeyPanes>, PendingWork {
  readonly table: PaneStore['table']
  readonly #context: OperatorContext
  readonly #windows: KeyWindows
  readonly #store: PaneStore
  readonly #reader: StateReader
  readonly #cache: KeyCache<KeyPanes>
  readonly #prefetch: KeyPrefetch<KeyPanes>
  readonly #parked = new ParkedKeys()
  readonly #queues = { event: new TimeBuckets<string>(), processing: new TimeBuckets<string>() }
  readonly #firing: Record<TimeDomain, Firing | null> = { event: null, processing: null }
  /** Keys whose own state changed since the last barrier. */
  readonly #changed = new Set<Slot>()

  constructor(context: OperatorContext, store: PaneStore, windows: KeyWindows, reader: StateReader) {
    this.#context = context
    this.#windows = windows
    this.#store = store
    this.#reader = reader
    this.table = store.table
    store.keepsKeys = true
    this.#cache = new KeyCache(this, reader.maxKeys, reader.isNew)
    this.#prefetch = new KeyPrefetch(context, this.#cache, (slots) => this.#read(slots))
    context.metrics.gauge('millrace_state_keys', 'Keys on the heap', () => this.#cache.residents)
  }

  get isFull(): boolean {
    return this.#prefetch.isFull
  }

  get holdsBarriers(): boolean {
    return this.#prefetch.holdsBarriers || this.#isWithinGroup
  }

  get isEmpty(): boolean {
    return this.#prefetch.isEmpty
  }

  get needsCommit(): boolean {
    return this.#prefetch.needsCommit
  }

  readonly suspendsCommits: boolean = false

  produce(): boolean {
    return this.#prefetch.produce()
  }

  /** When a key is due next by the clock. */
  get nextClockMs(): number {
    return this.#queues.processing.nextMs
  }

  /** What is being fired at this moment: keys of groups below are through. Null between two times. */
  firing(domain: TimeDomain): { readonly timeMs: number; readonly keyGroup: number } | null {
    const firing = this.#firing[domain]
    if (firing === null || firing.at >= firing.ids.length) return null
    return { timeMs: firing.timeMs, keyGroup: this.#groupOf(firing.ids[firing.at] as string) }
  }

  restoresAtStart(state: string): boolean {
    return state === this.#store.state || this.#windows.timerStates[state] !== undefined
  }

  /** Takes a stored entry; false when it belongs to something else. */
  restore(entry: StateEntry): boolean {
    if (!this.#store.has(entry.state)) return false
    const bytes = Buffer.from(entry.key.buffer, entry.key.byteOffset, entry.key.length)
    const id = bytes.toString('latin1', 0, bytes.length - 8)
    const timers = this.#windows.timerStates[entry.state]
    if (timers !== undefined && entry.sub !== null) {
      const timeMs = Buffer.from(entry.sub.buffer, entry.sub.byteOffset, entry.sub.length).readDoubleBE(0)
      this.#restoreDue(id, null, { event: NEVER, processing: NEVER, [timers]: timeMs })
    } else if (entry.state === this.#store.state && entry.sub === null) {
      const bounds = storedBounds(entry)
      const event = this.#windows.storedDueMs(bounds, 'event')
      const processing = this.#windows.storedDueMs(bounds, 'processing')
      this.#restoreDue(id, bytes.readDoubleBE(bytes.length - 8), { event, processing })
    }
    return true
  }

  /** After the last entry. `notBefore` says for a key group up to when all has been done. */
  open(notBefore: (keyGroup: number) => number = () => Number.NEGATIVE_INFINITY): void {
    for (const id of [...this.#parked.ids()]) {
      const { due, panes } = this.#parkedKey(id)
      const least = notBefore(this.#groupOf(id))
      const queued = { event: Math.max(least, due.event), processing: Math.max(least, due.processing) }
      this.#parked.set(id, { due: queued, queued, panes })
      for (const domain of DOMAINS) if (queued[domain] < NEVER) this.#queues[domain].add(id, queued[domain])
    }
  }

  /** Runs it when the windows of the key are there and nothing is before it. @throws KEY_INVALID for what cannot be a key */
  record(key: unknown, run: (slot: Slot) => void): void {
    const slot = this.#cache.slot(key)
    const runAndQueue = (): true => {
      run(slot)
      this.#settle(slot)
      return true
    }
    if (this.#prefetch.isEmpty && slot.mark?.isResident === true) runAndQueue()
    else this.#prefetch.addRecord(slot, runAndQueue)
  }

  /** Runs it when nothing is before it. A control element that `isRepeated` comes again after a restart. */
  control(run: () => void, isRepeated: boolean): void {
    const done = (): true => {
      run()
      return true
    }
    this.#prefetch.addControl(done, undefined, isRepeated)
  }

  /** Does all that is due up to and including the time that `begin` gives, in the order of time, and `then` what comes behind. */
  advance(domain: TimeDomain, begin: () => number, then: () => void): void {
    let upToMs: number | null = null
    const run = (): boolean => {
      upToMs ??= begin()
      if (!this.#fire(domain, upToMs)) return false
      then()
      return true
    }
    this.#prefetch.addControl(run, () => this.#awaited(domain), true)
  }

  /** Calls `onDue` once for every key for which the clock would come, with a time that never comes. */
  drain(then: () => void): void {
    const run = (): boolean => {
      this.#firing.processing ??= { timeMs: NEVER, ids: this.#takeAll(), at: 0 }
      if (!this.#fire('processing', Number.NEGATIVE_INFINITY)) return false
      then()
      return true
    }
    this.#prefetch.addControl(run, () => this.#awaited('processing'))
  }

  collect(epoch: number): void {
    const panes = this.#store.collect(this.#context.delta.changes)
    this.#cache.onCollected(new Set([...this.#changed, ...panes.map(({ slot }) => slot)]), epoch)
    this.#changed.clear()
  }

  onApplied(epoch: number): void {
    this.#prefetch.onApplied(epoch)
  }

  isNew(slot: Slot, isComplete: boolean): boolean {
    const id = slot.bytes.toString('latin1')
    const parked = this.#parked.get(id)
    if (parked === undefined) {
      slot.data.cached = { id, queued: { event: NEVER, processing: NEVER }, due: { event: NEVER, processing: NEVER } }
      // Of windows it is known which keys have some; of keys' own states it is not.
      return isComplete || this.#windows.keyStates() === null
    }
    this.#parked.delete(id)
    slot.data.cached = { id, queued: parked.queued as Times, due: parked.due }
    for (const pane of parked.panes) this.#store.insert(slot, slot.data.panes.length, pane, pane, pane)
    return false
  }

  drop(slot: Slot): boolean {
    const { panes } = slot.data
    const { id, queued } = slot.data.cached as CachedKey
    if (panes.length > 0) {
      const due = { event: this.#windows.dueMs(slot, 'event'), processing: this.#windows.dueMs(slot, 'processing') }
      this.#parked.set(id, { due, queued, panes: panes.map((pane) => pane.id) })
    }
    const keyTable = this.#windows.keyStates()?.table
    const own = keyTable?.find(slot.key)
    if (own !== undefined) keyTable?.delete(own)
    return false
  }

  /** Puts the key into the queue, where it is due earlier than it stands there. */
  #settle(slot: Slot): void {
    const { id, queued } = slot.data.cached as CachedKey
    for (const domain of DOMAINS) {
      const dueMs = this.#windows.dueMs(slot, domain)
      if (dueMs >= queued[domain]) continue
      queued[domain] = dueMs
      this.#queues[domain].add(id, dueMs)
      if (domain === 'processing') this.#windows.onQueued()
    }
    if (this.#windows.keyStates()?.table.find(slot.key)?.isDirty !== true) return
    ;(slot.mark as CacheMark).epoch = NEVER
    this.#changed.add(slot)
  }

  /** False when it came to a key whose windows have to be read first. */
  #fire(domain: TimeDomain, upToMs: number): boolean {
    const queue = this.#queues[domain]
    for (;;) {
      let firing = this.#firing[domain]
      if (firing === null) {
        if (queue.isEmpty || queue.nextMs > upToMs) return true
        firing = { timeMs: queue.nextMs, ids: this.#inOrder(queue.take()), at: 0 }
        this.#firing[domain] = firing
      }
      for (; firing.at < firing.ids.length; firing.at++) {
        if (!this.#fireKey(firing.ids[firing.at] as string, firing.timeMs, domain)) return false
      }
      this.#firing[domain] = null
    }
  }

  #fireKey(id: string, timeMs: number, domain: TimeDomain): boolean {
    const slot = this.#find(id)
    if (slot === undefined) {
      const parked = this.#parked.get(id)
      if (parked === undefined || isStale(parked.queued[domain], timeMs)) return true
      if (parked.due[domain] <= timeMs) return false
      // It is due later than it was when it was queued.
      const queued = { ...parked.queued, [domain]: parked.due[domain] }
      this.#parked.set(id, { ...parked, queued })
      if (parked.due[domain] < NEVER) this.#queues[domain].add(id, parked.due[domain])
      return true
    }
    const { queued } = slot.data.cached as CachedKey
    if (isStale(queued[domain], timeMs)) return true
    if (slot.mark?.isResident !== true) return false
    queued[domain] = NEVER
    if (this.#windows.dueMs(slot, domain) <= timeMs) this.#windows.onDue(slot, timeMs, domain)
    this.#settle(slot)
    return true
  }

  /** The keys to be read next of those that are due; none when an epoch must be committed first. */
  #awaited(domain: TimeDomain): ReadonlySet<Slot> {
    const slots = new Set<Slot>()
    this.#cache.evict()
    // What holds barriers back must not wait for one.
    if (this.#prefetch.isCacheFull && !this.holdsBarriers) return slots
    const limit = Math.min(TIMER_KEYS, this.#reader.maxKeys)
    const { ids, at, timeMs } = this.#firing[domain] as Firing
    for (let next = at; next < ids.length && slots.size < limit; next++) {
      const id = ids[next] as string
      const slot = this.#find(id)
      if (slot !== undefined) {
        if (slot.mark?.isResident !== true) slots.add(slot)
        continue
      }
      const parked = this.#parked.get(id)
      if (parked === undefined || isStale(parked.queued[domain], timeMs) || parked.due[domain] > timeMs) continue
      slots.add(this.#cache.slot(keyOf(id)))
    }
    return slots
  }

  async #read(slots: readonly Slot[]): Promise<() => void> {
    const panes = slots.flatMap(({ data }) => data.panes)
    const keys = panes.map((pane) => this.#store.addressOf(pane))
    const keyStates = this.#windows.keyStates()
    const [own, ...found] = await Promise.all([
      keyStates === null ? null : keyStates.read(this.#reader, slotsOf(keyStates, slots)),
      ...[this.#store.state, ...this.#store.states.names].map((state) => this.#reader.read(state, keys)),
    ])
    return () => {
      own?.()
      for (const entries of found) {
        panes.forEach((pane, position) => {
          for (const entry of entries[position] ?? []) this.#store.restorePane(pane, entry)
        })
      }
      for (const pane of panes) if (!pane.isStored) throw this.#gone(pane)
      for (const slot of slots) {
        sortPanes(slot)
        this.#windows.onRead(slot, (slot.data.cached as CachedKey).due)
      }
    }
  }

  /** Reads are not fenced: who has lost the task without knowing it may find that the next owner has cleared a window. */
  #gone({ slot, id }: Pane): FencedError {
    return new FencedError(
      `window ${id} of key ${inspect(slot.key)} is not stored any more: another worker has taken the task over`,
      { where: { operator: this.#context.uid } },
    )
  }

  #restoreDue(id: string, pane: number | null, { event, processing }: Times): void {
    const known = this.#parked.get(id)
    const due = {
      event: Math.min(known?.due.event ?? NEVER, event),
      processing: Math.min(known?.due.processing ?? NEVER, processing),
    }
    const panes = known?.panes ?? []
    this.#parked.set(id, { due, queued: due, panes: pane === null ? panes : [...panes, pane] })
  }

  #takeAll(): string[] {
    const queue = this.#queues.processing
    const ids = new Set<string>()
    while (!queue.isEmpty) for (const id of queue.take()) ids.add(id)
    return [...ids]
  }

  #inOrder(ids: readonly string[]): readonly string[] {
    if (!this.#windows.byKeyGroup) return ids
    return ids.toSorted((a, b) => this.#groupOf(a) - this.#groupOf(b))
  }

  get #isWithinGroup(): boolean {
    return this.#windows.byKeyGroup && DOMAINS.some((domain) => this.#isCutWithinGroup(this.#firing[domain]))
  }

  #isCutWithinGroup(firing: Firing | null): boolean {
    if (firing === null || firing.at === 0) return false
    return this.#groupOf(firing.ids[firing.at] as string) === this.#groupOf(firing.ids[firing.at - 1] as string)
  }

  #groupOf(id: string): number {
    const bytes = Buffer.from(id, 'latin1')
    return keyGroupOf(bytes, 0, bytes.length, this.#context.maxParallelism)
  }

  #find(id: string): Slot | undefined {
    return this.table.find(keyOf(id))
  }

  #parkedKey(id: string): NonNullable<ReturnType<ParkedKeys['get']>> {
    const parked = this.#parked.get(id)
    if (parked === undefined) throw new StreamError('INVARIANT_BROKEN', 'A key that is parked is not there.')
    return parked
  }
}

/** Whether a key stands at another time of the queue than this one; at the end of the input all of them are taken. */
function isStale(queuedMs: number, timeMs: number): boolean {
  return queuedMs !== timeMs && timeMs !== NEVER
}

function keyOf(id: string): unknown {
  return decodeKey(Buffer.from(id, 'latin1'))
}

function slotsOf(states: KeyedStates, slots: readonly Slot[]): ReturnType<KeyedStates['table']['slot']>[] {
  return slots.map(({ key }) => states.table.slot(key))
}
