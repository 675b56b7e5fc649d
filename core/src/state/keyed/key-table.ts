import type { ByteWriter } from '../../serde/byte-writer.ts'
import { decodeKey, encodeKey, keyBytes } from '../../serde/key-codec.ts'
import { keyGroupOf } from '../key-group.ts'
import type { StateChanges } from '../state-changes.ts'

/** What a bounded cache knows of a key. */
export interface CacheMark {
  /** Its state is on the heap; else that has to be read before it is used. */
  isResident: boolean
  /** Used since the cache last looked. */
  isReferenced: boolean
  /** Elements that wait for it, or for others before it: it must stay. */
  uses: number
  /** The epoch that its last changes are part of. */
  epoch: number
}

const DIRTY = 1
const IN_ROUND = 2
const ROUND_STORED = 4
/** Of the first value; those of the second are one bit further. */
const VALUE_CHANGED = 8
const VALUE_STORED = 32

/** One key of a keyed operator, with what the operator keeps for it. */
export class KeySlot<Data> {
  readonly key: unknown
  readonly data: Data
  /** Values of the first states that are kept here (`ValueInSlot`); undefined is none. */
  #first: unknown = undefined
  #second: unknown = undefined
  /** Null without a bounded cache. */
  mark: CacheMark | null = null
  #flags = 0
  #bytes: Buffer | null = null
  #keyGroup = -1

  constructor(key: unknown, data: Data) {
    this.key = key
    this.data = data
  }

  /** True while it is in the list of slots that changed since the last barrier. */
  get isDirty(): boolean {
    return (this.#flags & DIRTY) !== 0
  }
  set isDirty(isSet: boolean) {
    this.#flag(DIRTY, isSet)
  }

  /** Had a record in the round of the loop around the operator, and whether that is stored. */
  get isInRound(): boolean {
    return (this.#flags & IN_ROUND) !== 0
  }
  set isInRound(isSet: boolean) {
    this.#flag(IN_ROUND, isSet)
  }
  get isRoundStored(): boolean {
    return (this.#flags & ROUND_STORED) !== 0
  }
  set isRoundStored(isSet: boolean) {
    this.#flag(ROUND_STORED, isSet)
  }

  /** The value at this position, 0 or 1. */
  value(position: number): unknown {
    return position === 0 ? this.#first : this.#second
  }

  setValue(position: number, value: unknown): void {
    if (position === 0) this.#first = value
    else this.#second = value
  }

  /** Whether the value was set since the last barrier. */
  isValueChanged(position: number): boolean {
    return (this.#flags & (VALUE_CHANGED << position)) !== 0
  }

  markValueChanged(position: number, isChanged: boolean): void {
    this.#flag(VALUE_CHANGED << position, isChanged)
  }

  /** Whether something is stored for the value. */
  isValueStored(position: number): boolean {
    return (this.#flags & (VALUE_STORED << position)) !== 0
  }

  markValueStored(position: number, isStored: boolean): void {
    this.#flag(VALUE_STORED << position, isStored)
  }

  #flag(flag: number, isSet: boolean): void {
    this.#flags = isSet ? this.#flags | flag : this.#flags & ~flag
  }

  /**
   * Serialized at the first snapshot, not at the first record: most keys change far more often than once an epoch. Primitives are
   * serialized anew each time, which takes less than to keep a buffer of each.
   */
  get bytes(): Buffer {
    if (typeof this.key !== 'object') return keyBytes(this.key)
    this.#bytes ??= keyBytes(this.key)
    return this.#bytes
  }

  /** Begins the key of the changes that follow with this one. What is written then, until `endKey`, stands behind it. */
  beginKey(changes: StateChanges, maxParallelism: number): ByteWriter {
    const target = changes.beginKey()
    const start = target.position
    if (typeof this.key === 'object') target.writeBytes(this.bytes)
    else encodeKey(this.key, target)
    // While its bytes are at hand: a new key would have to be serialized once more.
    if (this.#keyGroup < 0) this.#keyGroup = keyGroupOf(target.buffer, start, target.position, maxParallelism)
    return target
  }

  keyGroup(maxParallelism: number): number {
    if (this.#keyGroup < 0) {
      const { bytes } = this
      this.#keyGroup = keyGroupOf(bytes, 0, bytes.length, maxParallelism)
    }
    return this.#keyGroup
  }
}

/** Whole numbers up to so many times the number of keys are found by their index. */
const NEAR_KEYS = 8
const MIN_NEAR_KEYS = 1024

/**
 * All keys of one operator instance. Strings, numbers, booleans and bigints are found by themselves; arrays, objects,
 * Dates and bytes by their serialized form, since equal ones are different objects. Whole numbers that lie near together, as
 * numbered things have, are found without hashing.
 */
export class KeyTable<Data> {
  readonly #create: () => Data
  readonly #near: (KeySlot<Data> | undefined)[] = []
  #nearSize = 0
  readonly #primitive = new Map<unknown, KeySlot<Data>>()
  readonly #composite = new Map<string, KeySlot<Data>>()
  #dirty: KeySlot<Data>[] = []

  constructor(create: () => Data) {
    this.#create = create
  }

  get size(): number {
    return this.#nearSize + this.#primitive.size + this.#composite.size
  }

  /** How many slots changed since they were last taken. */
  get dirtySize(): number {
    return this.#dirty.length
  }

  /** The slot of a key that there is. @throws KEY_INVALID for what cannot be a key */
  find(key: unknown): KeySlot<Data> | undefined {
    if (!isPrimitive(key)) return this.#composite.get(keyBytes(key).toString('latin1'))
    return this.#nearSlot(key) ?? this.#primitive.get(key)
  }

  /** The slot of a key, made at its first use. @throws KEY_INVALID for what cannot be a key */
  slot(key: unknown): KeySlot<Data> {
    return this.#nearSlot(key) ?? this.#primitive.get(key) ?? this.#slow(key)
  }

  /** As `slot`, of a key that something is stored for: the next barrier need not look whether it can be forgotten. */
  storedSlot(key: unknown): KeySlot<Data> {
    const before = this.#dirty.length
    const slot = this.slot(key)
    if (this.#dirty.length > before) {
      this.#dirty.pop()
      slot.isDirty = false
    }
    return slot
  }

  markDirty(slot: KeySlot<Data>): void {
    if (slot.isDirty) return
    slot.isDirty = true
    this.#dirty.push(slot)
  }

  /** The slots that changed since the last call. */
  takeDirty(): readonly KeySlot<Data>[] {
    const dirty = this.#dirty
    this.#dirty = []
    for (const slot of dirty) slot.isDirty = false
    return dirty
  }

  /** Forgets a key for which nothing is kept any more; does nothing when the key has another slot by now. */
  delete(slot: KeySlot<Data>): void {
    if (this.#nearSlot(slot.key) === slot) {
      this.#near[slot.key as number] = undefined
      this.#nearSize--
    } else if (isPrimitive(slot.key)) remove(this.#primitive, slot.key, slot)
    else remove(this.#composite, slot.bytes.toString('latin1'), slot)
  }

  *slots(): Iterable<KeySlot<Data>> {
    for (let key = 0; key < this.#near.length; key++) {
      const slot = this.#near[key]
      if (slot !== undefined) yield slot
    }
    yield* this.#primitive.values()
    yield* this.#composite.values()
  }

  #slow(key: unknown): KeySlot<Data> {
    if (this.#isNear(key)) {
      const slot = this.#created(key)
      // Without gaps, so that it stays an array.
      while (this.#near.length <= key) this.#near.push(undefined)
      this.#near[key] = slot
      this.#nearSize++
      return slot
    }
    if (isPrimitive(key)) return this.#add(this.#primitive, key, key)
    const bytes = keyBytes(key)
    const identity = bytes.toString('latin1')
    const known = this.#composite.get(identity)
    if (known !== undefined) return known
    // The key is read back from its bytes: the record's own object may be changed by its owner later.
    return this.#add(this.#composite, identity, decodeKey(bytes))
  }

  #add<Identity>(slots: Map<Identity, KeySlot<Data>>, identity: Identity, key: unknown): KeySlot<Data> {
    const slot = this.#created(key)
    slots.set(identity, slot)
    return slot
  }

  #nearSlot(key: unknown): KeySlot<Data> | undefined {
    return typeof key === 'number' && (key | 0) === key && key >= 0 && key < this.#near.length
      ? this.#near[key]
      : undefined
  }

  #isNear(key: unknown): key is number {
    const limit = MIN_NEAR_KEYS + NEAR_KEYS * this.size
    return typeof key === 'number' && (key | 0) === key && key >= 0 && key < limit
  }

  #created(key: unknown): KeySlot<Data> {
    const slot = new KeySlot(key, this.#create())
    // So that the next barrier looks at it, and forgets it when nothing was kept for it.
    this.markDirty(slot)
    return slot
  }
}

function remove<Identity, Slot>(slots: Map<Identity, Slot>, identity: Identity, slot: Slot): void {
  if (slots.get(identity) === slot) slots.delete(identity)
}

function isPrimitive(key: unknown): boolean {
  const type = typeof key
  return type === 'string' || type === 'boolean' || type === 'bigint' || (type === 'number' && !Number.isNaN(key))
}
