import { UserFunctionError } from '../errors.ts'
import type { KeySlot } from '../state/keyed/key-table.ts'
import type { Cells, KeyedStates } from '../state/keyed/keyed-states.ts'
import { TIMER_KEYS } from './key-prefetch.ts'
import type { KeyedRecordContext } from './keyed-record-context.ts'
import { NO_TIMESTAMP } from './operator.ts'
import type { KeyedContext } from './process-function.ts'

/** What is called for a key. */
export type VisitKey = (context: KeyedContext<never, never>) => void

interface Visit {
  readonly visit: VisitKey
  readonly done: (() => void) | null
  /** The keys, where not all are on the heap; null before the first. */
  ids: readonly string[] | null
  at: number
}

/**
 * Visits of all keys, which a function asks for. They come once it has returned and before anything else does, one after the other;
 * keys that are not on the heap are read in portions. No barrier comes between, since the rest of a visit cannot be stored.
 */
export class KeyVisits {
  readonly #states: KeyedStates
  readonly #record: KeyedRecordContext
  /** How many keys are read at once; null when all are on the heap. */
  readonly #portion: number | null
  readonly #asked: Visit[] = []
  #isOpen = false

  constructor(states: KeyedStates, record: KeyedRecordContext, maxKeys: number | null) {
    this.#states = states
    this.#record = record
    // A part of the cache, so that what is in use stays there.
    this.#portion = maxKeys === null ? null : Math.min(TIMER_KEYS, Math.ceil(maxKeys / 4))
  }

  /** A function that may ask is being called, or what it has asked for is under way. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** A function is called that may ask. */
  begin(): void {
    this.#isOpen = true
  }

  /** @throws USER_FUNCTION_FAILED when the function that may ask has returned */
  readonly ask = (visit: VisitKey, done?: () => void): void => {
    if (!this.#isOpen) {
      throw new UserFunctionError('forEachKey was called after the function had returned in whose context it came.')
    }
    this.#asked.push({ visit, done: done ?? null, ids: null, at: 0 })
  }

  /** Does what was asked for; false when it came to a key whose state has to be read first: then it is to be called again. */
  run(): boolean {
    for (let first = this.#asked[0]; first !== undefined; first = this.#asked[0]) {
      if (!this.#visitAll(first)) return false
      this.#asked.shift()
      first.done?.()
    }
    this.#isOpen = false
    return true
  }

  /** The keys to be read next. */
  awaited(): Set<KeySlot<Cells>> {
    const slots = new Set<KeySlot<Cells>>()
    const [first] = this.#asked
    if (first?.ids == null || this.#portion === null) return slots
    for (let at = first.at; at < first.ids.length && slots.size < this.#portion; at++) {
      const slot = this.#states.listed(first.ids[at] as string)
      if (slot?.mark?.isResident === false) slots.add(slot)
    }
    return slots
  }

  #visitAll(asked: Visit): boolean {
    if (this.#portion === null) {
      for (const slot of [...this.#states.table.slots()])
        if (this.#states.hasState(slot)) this.#visit(slot, asked.visit)
      return true
    }
    asked.ids ??= this.#states.list()
    for (; asked.at < asked.ids.length; asked.at++) {
      const id = asked.ids[asked.at] as string
      if (this.#states.isAway(id)) return false
      const slot = this.#states.listed(id)
      if (slot === undefined) continue
      if (slot.mark?.isResident === false) return false
      this.#visit(slot, asked.visit)
    }
    return true
  }

  #visit(slot: KeySlot<Cells>, visit: VisitKey): void {
    this.#states.current = slot
    this.#record.timestamp = NO_TIMESTAMP
    visit(this.#record as never)
  }
}
