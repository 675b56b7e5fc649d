import type { Counter, Histogram } from '../metrics/registry.ts'
import type { KeyCache } from '../state/keyed/key-cache.ts'
import type { CacheMark, KeySlot } from '../state/keyed/key-table.ts'
import type { OperatorContext, PendingWork } from './operator.ts'

/** An element that waits for the state of a key, or behind others that do. */
interface Waiting<Data> {
  /** The key of a record; null for what has none. */
  readonly slot: KeySlot<Data> | null
  /** False when it came to a key that has to be read first; it is run again then. */
  readonly run: () => boolean
  /** The keys that it came to; none when it must wait for a commit. */
  readonly awaited: () => ReadonlySet<KeySlot<Data>>
  /** A barrier may pass while it waits: after a restart the inputs of the task bring it again. */
  readonly isRepeated: boolean
}

const NONE: ReadonlySet<never> = new Set()
/** Elements that wait before no more input is read. */
const MAX_WAITING = 10_000
/** Keys of due timers that are read at once. */
export const TIMER_KEYS = 4_096

/**
 * Holds elements back while the state of their keys is read, and all that came after them, so that their order stays. What
 * the records of a batch miss is read in one round trip.
 */
export class KeyPrefetch<Data> implements PendingWork {
  readonly #context: OperatorContext
  readonly #cache: KeyCache<Data>
  readonly #readKeys: (slots: readonly KeySlot<Data>[]) => Promise<() => void>
  #waiting: Waiting<Data>[] = []
  #head = 0
  /** Elements that wait and would be lost if a barrier passed, and those that would not. */
  #lasting = 0
  #repeated = 0
  /** Keys to be read next, and those that are being read. */
  #missing = new Set<KeySlot<Data>>()
  #reading: ReadonlySet<KeySlot<Data>> = NONE
  /** Keys that the first element came to. */
  #held: ReadonlySet<KeySlot<Data>> = NONE
  #isScheduled = false
  readonly #keysRead: Counter
  readonly #readTime: Histogram

  /** What `read` gives puts the keys on the heap. */
  constructor(
    context: OperatorContext,
    cache: KeyCache<Data>,
    read: (slots: readonly KeySlot<Data>[]) => Promise<() => void>,
  ) {
    this.#context = context
    this.#cache = cache
    this.#readKeys = read
    this.#keysRead = context.metrics.counter('millrace_state_keys_read', 'Keys that were read from the state backend')
    this.#readTime = context.metrics.histogram('millrace_state_read_ms', 'How long reads from the state backend took')
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  get holdsBarriers(): boolean {
    return this.#lasting > 0
  }

  get isFull(): boolean {
    return this.#repeated > 0 || this.#waiting.length - this.#head >= MAX_WAITING || this.isCacheFull
  }

  /** Too many keys are on the heap, and a commit that lets some go can come. */
  get isCacheFull(): boolean {
    return this.#cache.isFull && !this.#context.commitsSuspended()
  }

  get needsCommit(): boolean {
    return this.#cache.needsCommit
  }

  readonly suspendsCommits: boolean = false

  /** An operator beside it may have begun to hold commits back: what waits for one goes on without. */
  produce(): boolean {
    if (!this.isEmpty && !this.#isScheduled && this.#context.commitsSuspended()) this.#schedule()
    return false
  }

  /** Runs it when the key's state is there and nothing is before it. */
  addRecord(slot: KeySlot<Data>, run: () => boolean): void {
    this.#use(slot)
    this.#add({ slot, run, awaited: () => NONE, isRepeated: false })
  }

  /** Runs it when nothing is before it; again when the keys that it came to are there. */
  addControl(run: () => boolean, awaited: () => ReadonlySet<KeySlot<Data>> = () => NONE, isRepeated = false): void {
    if (!this.isEmpty || !run()) this.#add({ slot: null, run, awaited, isRepeated })
  }

  /** An epoch is applied: what waited for that goes on. */
  onApplied(epoch: number): void {
    this.#cache.onApplied(epoch)
    if (!this.isEmpty) this.#schedule()
  }

  #add(waiting: Waiting<Data>): void {
    this.#waiting.push(waiting)
    if (waiting.isRepeated) this.#repeated++
    else this.#lasting++
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    // When the batch is through, so that all that it misses is read at once.
    this.#isScheduled = true
    this.#context.post(() => this.#advance())
  }

  /** Keeps the key on the heap, and has it read if it is not there. */
  #use(slot: KeySlot<Data>): void {
    const mark = slot.mark as CacheMark
    mark.uses++
    if (!mark.isResident && !this.#reading.has(slot)) this.#missing.add(slot)
  }

  #advance(): void {
    while (this.#head < this.#waiting.length) {
      const { slot, run, awaited, isRepeated } = this.#waiting[this.#head] as Waiting<Data>
      if (slot?.mark?.isResident === false) break
      const isDone = run()
      release(this.#held)
      this.#cache.letGo(this.#held)
      this.#held = isDone ? NONE : awaited()
      for (const due of this.#held) this.#use(due)
      if (!isDone) break
      if (slot !== null) release([slot])
      if (isRepeated) this.#repeated--
      else this.#lasting--
      this.#head++
    }
    if (this.#head === this.#waiting.length || this.#head > MAX_WAITING) {
      this.#waiting.splice(0, this.#head)
      this.#head = 0
    }
    if (this.#missing.size > 0) {
      this.#read()
      return
    }
    this.#isScheduled = false
    if (this.isEmpty) this.#cache.onDrained()
  }

  #read(): void {
    this.#cache.evict()
    const slots = [...this.#missing]
    this.#keysRead.value += slots.length
    this.#reading = this.#missing
    this.#missing = new Set()
    const { post, clock } = this.#context
    const startedMs = clock.now()
    this.#readKeys(slots).then(
      (restore) =>
        post(() => {
          this.#readTime.record(clock.now() - startedMs)
          restore()
          for (const slot of slots) this.#cache.onRead(slot)
          this.#reading = NONE
          this.#advance()
        }),
      (cause: unknown) =>
        post(() => {
          throw cause
        }),
    )
  }
}

function release(slots: Iterable<KeySlot<unknown>>): void {
  for (const { mark } of slots) (mark as CacheMark).uses--
}
