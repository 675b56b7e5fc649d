import type { Counter, Histogram } from '../metrics/registry.ts'
import type { StateEntry } from '../state/backend.ts'
import type { KeyCache } from '../state/keyed/key-cache.ts'
import type { CacheMark, KeySlot } from '../state/keyed/key-table.ts'
import type { Cells, KeyedStates } from '../state/keyed/keyed-states.ts'
import type { OperatorContext, PendingWork, StateReader } from './operator.ts'

type Slot = KeySlot<Cells>

/** An element that waits for the state of a key, or behind others that do. */
interface Waiting {
  /** The key of a record; null for what has none. */
  readonly slot: Slot | null
  /** False when it came to a key that has to be read first; it is run again then. */
  readonly run: () => boolean
  /** The keys that it came to. */
  readonly awaited: () => Set<Slot>
}

const NONE: ReadonlySet<Slot> = new Set()
/** Elements that wait before no more input is read. */
const MAX_WAITING = 10_000
/** Keys of due timers that are read at once. */
export const TIMER_KEYS = 4_096

/**
 * Holds elements back while the state of their keys is read, and all that came after them, so that their order stays. What
 * the records of a batch miss is read in one round trip.
 */
export class KeyPrefetch implements PendingWork {
  readonly #context: OperatorContext
  readonly #states: KeyedStates
  readonly #cache: KeyCache
  readonly #reader: StateReader
  #waiting: Waiting[] = []
  #head = 0
  /** Keys to be read next, and those that are being read. */
  #missing = new Set<Slot>()
  #reading: ReadonlySet<Slot> = NONE
  /** Keys that the first element came to. */
  #held: ReadonlySet<Slot> = NONE
  #isScheduled = false
  readonly #keysRead: Counter
  readonly #readTime: Histogram

  constructor(context: OperatorContext, states: KeyedStates, cache: KeyCache, reader: StateReader) {
    this.#context = context
    this.#states = states
    this.#cache = cache
    this.#reader = reader
    this.#keysRead = context.metrics.counter('millrace_state_keys_read', 'Keys that were read from the state backend')
    this.#readTime = context.metrics.histogram('millrace_state_read_ms', 'How long reads from the state backend took')
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  get holdsBarriers(): boolean {
    return !this.isEmpty
  }

  get isFull(): boolean {
    return this.#waiting.length - this.#head >= MAX_WAITING || this.#cache.isFull
  }

  get needsCommit(): boolean {
    return this.#cache.needsCommit
  }

  readonly suspendsCommits: boolean = false

  produce(): boolean {
    return false
  }

  /** Runs it when the key's state is there and nothing is before it. */
  addRecord(slot: Slot, run: () => boolean): void {
    this.#use(slot)
    this.#add({ slot, run, awaited: () => new Set() })
  }

  /** Runs it when nothing is before it; again when the keys that it came to are there. */
  addControl(run: () => boolean, awaited: () => Set<Slot> = () => new Set()): void {
    if (!this.isEmpty || !run()) this.#add({ slot: null, run, awaited })
  }

  #add(waiting: Waiting): void {
    this.#waiting.push(waiting)
    if (this.#isScheduled) return
    // When the batch is through, so that all that it misses is read at once.
    this.#isScheduled = true
    this.#context.post(() => this.#advance())
  }

  /** Keeps the key on the heap, and has it read if it is not there. */
  #use(slot: Slot): void {
    const mark = slot.mark as CacheMark
    mark.uses++
    if (!mark.isResident && !this.#reading.has(slot)) this.#missing.add(slot)
  }

  #advance(): void {
    while (this.#head < this.#waiting.length) {
      const { slot, run, awaited } = this.#waiting[this.#head] as Waiting
      if (slot?.mark?.isResident === false) break
      const isDone = run()
      release(this.#held)
      this.#held = isDone ? NONE : awaited()
      for (const due of this.#held) this.#use(due)
      if (!isDone) break
      if (slot !== null) release([slot])
      this.#head++
    }
    if (this.#head === this.#waiting.length || this.#head > MAX_WAITING) {
      this.#waiting.splice(0, this.#head)
      this.#head = 0
    }
    if (!this.isEmpty) {
      this.#read()
      return
    }
    this.#isScheduled = false
    this.#cache.onDrained()
  }

  #read(): void {
    this.#cache.evict()
    const slots = [...this.#missing]
    this.#keysRead.value += slots.length
    this.#reading = this.#missing
    this.#missing = new Set()
    const keys = slots.map((slot) => this.#states.addressOf(slot))
    const { post, clock } = this.#context
    const startedMs = clock.now()
    Promise.all(this.#states.cachedStates.map(({ state }) => this.#reader.read(state, keys))).then(
      (entries) =>
        post(() => {
          this.#readTime.record(clock.now() - startedMs)
          this.#onRead(slots, entries)
        }),
      (cause: unknown) =>
        post(() => {
          throw cause
        }),
    )
  }

  #onRead(slots: readonly Slot[], entries: readonly (readonly (readonly StateEntry[])[])[]): void {
    this.#states.cachedStates.forEach(({ at }, n) => {
      slots.forEach((slot, position) => {
        for (const entry of entries[n]?.[position] ?? []) this.#states.restoreCell(slot, at, entry)
      })
    })
    for (const slot of slots) this.#cache.onRead(slot)
    this.#reading = NONE
    this.#advance()
  }
}

function release(slots: Iterable<Slot>): void {
  for (const { mark } of slots) (mark as CacheMark).uses--
}
