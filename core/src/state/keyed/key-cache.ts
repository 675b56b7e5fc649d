import type { CacheMark, KeySlot, KeyTable } from './key-table.ts'

/** What is kept for the keys that a cache bounds. */
export interface CachedKeys<Data> {
  readonly table: KeyTable<Data>
  /** Whether nothing is stored of a key that has come into the table. `isComplete`: no key with state was ever dropped. */
  isNew(slot: KeySlot<Data>, isComplete: boolean): boolean
  /** Drops what can be read again; true when the slot must stay for what else it holds. */
  drop(slot: KeySlot<Data>): boolean
}

/**
 * Bounds the keys of a table that are on the heap. A key can be dropped once its changes are applied in the backend and
 * nothing waits for it; which one goes is decided by the clock algorithm (Corbató, "A paging experiment with the Multics
 * system", 1968).
 */
export class KeyCache<Data> {
  readonly #keys: CachedKeys<Data>
  readonly #table: KeyTable<Data>
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
  #hand: Iterator<KeySlot<Data>>

  constructor(keys: CachedKeys<Data>, maxKeys: number, isComplete: boolean) {
    this.#keys = keys
    this.#table = keys.table
    this.#maxKeys = maxKeys
    this.#evictAt = maxKeys + Math.ceil(maxKeys / 64)
    this.#isComplete = isComplete
    this.#hand = keys.table.slots()[Symbol.iterator]()
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
  slot(key: unknown): KeySlot<Data> {
    return this.#marked(this.#table.slot(key))
  }

  /** As `slot`, of a key that something is stored for: it can go again before the next barrier. */
  storedSlot(key: unknown): KeySlot<Data> {
    return this.#marked(this.#table.storedSlot(key))
  }

  #marked(slot: KeySlot<Data>): KeySlot<Data> {
    if (slot.mark === null) {
      const isResident = this.#keys.isNew(slot, this.#isComplete)
      slot.mark = { isResident, isReferenced: true, uses: 0, epoch: 0 }
      if (isResident) this.#onResident()
    } else slot.mark.isReferenced = true
    return slot
  }

  /** The state of the slot has been read. */
  onRead(slot: KeySlot<Data>): void {
    ;(slot.mark as CacheMark).isResident = true
    this.#onResident()
  }

  onCollected(slots: Iterable<KeySlot<Data>>, epoch: number): void {
    this.#collectedEpoch = epoch
    for (const { mark } of slots) if (mark !== null) mark.epoch = epoch
  }

  /** Whether a key that nothing is kept for may be forgotten at the barrier: its deletion is not applied yet. */
  mayForget({ mark }: KeySlot<Data>): boolean {
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

  /** What waited for these has gone on: they are the first to go, until there is room for as many again. */
  letGo(slots: ReadonlySet<KeySlot<Data>>): void {
    if (this.#mustStay) return
    for (const slot of slots) {
      if (this.#residents + slots.size <= this.#maxKeys) return
      ;(slot.mark as CacheMark).isReferenced = false
      this.#consider(slot)
    }
  }

  /** Drops keys until there are no more than allowed, as far as that goes. */
  evict(): void {
    if (this.#isStuck || this.#mustStay) return
    this.#isInUse = false
    for (let looked = 2 * this.#table.size; this.#residents > this.#maxKeys && looked > 0; looked--) {
      const next = this.#hand.next()
      if (next.done === true) this.#hand = this.#table.slots()[Symbol.iterator]()
      else this.#consider(next.value)
    }
    this.#isStuck = this.#residents > this.#maxKeys
  }

  /** A key that is not in the table is read from the backend, which must know of all deletions then. */
  get #mustStay(): boolean {
    return this.#isComplete && this.#appliedEpoch < this.#collectedEpoch
  }

  #onResident(): void {
    this.#residents++
    if (this.#residents >= this.#evictAt) this.evict()
  }

  #consider(slot: KeySlot<Data>): void {
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
    if (!this.#keys.drop(slot)) this.#table.delete(slot)
  }
}
