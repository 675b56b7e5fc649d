import type { Cell } from './cells.ts'
import type { CacheMark, KeySlot, KeyTable } from './key-table.ts'

type Slot = KeySlot<readonly Cell[]>

/** How a state of the operator is made anew. */
interface CachedState {
  readonly kind: string
  readonly create: () => Cell
}

/**
 * Bounds the keys of a table that are on the heap. A key can be dropped once its changes are applied in the backend and
 * nothing waits for it; which one goes is decided by the clock algorithm (Corbató, "A paging experiment with the Multics
 * system", 1968). A key with timers keeps its slot with them: they must fire.
 */
export class KeyCache {
  readonly #table: KeyTable<readonly Cell[]>
  readonly #states: readonly CachedState[]
  readonly #maxKeys: number
  /** Some keys come in before others are looked for to go. */
  readonly #evictAt: number
  /** Every key that has state is on the heap: a key that is not is new. */
  #isComplete: boolean
  #residents = 0
  #collectedEpoch = 0
  #appliedEpoch = 0
  /** No more can be dropped before an epoch is applied … */
  #isStuck = false
  /** … or before what waits has gone on. */
  #isInUse = false
  #hand: Iterator<Slot>

  constructor(table: KeyTable<readonly Cell[]>, states: readonly CachedState[], maxKeys: number, isComplete: boolean) {
    this.#table = table
    this.#states = states
    this.#maxKeys = maxKeys
    this.#evictAt = maxKeys + Math.ceil(maxKeys / 64)
    this.#isComplete = isComplete
    this.#hand = table.slots()[Symbol.iterator]()
  }

  get residents(): number {
    return this.#residents
  }

  /** Too many keys have changes that are not applied: they cannot go before the next commit. */
  get needsCommit(): boolean {
    return this.#isStuck && this.#residents > this.#maxKeys
  }

  /** Twice as many as allowed: those of the epoch that is being committed, and as many again. */
  get isFull(): boolean {
    return this.#residents > 2 * this.#maxKeys
  }

  /** The slot of a key, which may have to be read. @throws KEY_INVALID for what cannot be a key */
  slot(key: unknown): Slot {
    const slot = this.#table.slot(key)
    if (slot.mark === null) {
      slot.mark = { isResident: this.#isComplete, isReferenced: true, uses: 0, epoch: 0 }
      if (this.#isComplete) this.#onResident()
    } else slot.mark.isReferenced = true
    return slot
  }

  /** The state of the slot has been read. */
  onRead(slot: Slot): void {
    ;(slot.mark as CacheMark).isResident = true
    this.#onResident()
  }

  onCollected(slots: readonly Slot[], epoch: number): void {
    this.#collectedEpoch = epoch
    for (const { mark } of slots) if (mark !== null) mark.epoch = epoch
  }

  /** Whether a key that nothing is kept for may be forgotten at the barrier: its deletion is not applied yet. */
  mayForget({ mark }: Slot): boolean {
    if (!this.#isComplete || mark === null || mark.uses > 0) return false
    this.#residents--
    return true
  }

  onApplied(epoch: number): void {
    this.#appliedEpoch = epoch
    this.#isStuck = false
    this.evict()
  }

  /** Nothing waits any more. */
  onDrained(): void {
    if (!this.#isInUse) return
    this.#isStuck = false
    this.evict()
  }

  /** Drops keys until there are no more than allowed, as far as that goes. */
  evict(): void {
    // A key that is not in the table is read from the backend, which must know of all deletions then.
    if (this.#isStuck || (this.#isComplete && this.#appliedEpoch < this.#collectedEpoch)) return
    this.#isInUse = false
    for (let looked = 2 * this.#table.size; this.#residents > this.#maxKeys && looked > 0; looked--) {
      const next = this.#hand.next()
      if (next.done === true) this.#hand = this.#table.slots()[Symbol.iterator]()
      else this.#consider(next.value)
    }
    this.#isStuck = this.#residents > this.#maxKeys
  }

  #onResident(): void {
    this.#residents++
    if (this.#residents >= this.#evictAt) this.evict()
  }

  #consider(slot: Slot): void {
    const mark = slot.mark as CacheMark
    if (mark.uses > 0) this.#isInUse = true
    if (!mark.isResident || mark.uses > 0 || slot.isDirty || mark.epoch > this.#appliedEpoch) return
    if (mark.isReferenced) {
      mark.isReferenced = false
      return
    }
    this.#isComplete = false
    this.#residents--
    mark.isResident = false
    let isNeeded = false
    this.#states.forEach(({ kind, create }, at) => {
      if (kind !== 'timers') (slot.data as Cell[])[at] = create()
      else if (!(slot.data[at] as Cell).isEmpty) isNeeded = true
    })
    if (!isNeeded) this.#table.delete(slot)
  }
}
