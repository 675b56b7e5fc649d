import { StreamError } from '../../errors.ts'
import { ByteWriter } from '../../serde/byte-writer.ts'
import { decodeKey, encodeKey } from '../../serde/key-codec.ts'
import type { Serde } from '../../serde/serde.ts'
import type { StateChanges } from '../state-changes.ts'

/** What one state keeps for one key, and what of it has changed since the last barrier. */
export interface Cell {
  /** Nothing is kept: the key can be forgotten when all its cells say so. */
  readonly isEmpty: boolean
  /** Writes what has changed of the state with this number, for the key written last, and counts as unchanged from then on. */
  collect(changes: StateChanges, state: number): void
  restore(sub: Uint8Array | null, value: Uint8Array): void
}

/** Writes what a value has become, undefined for none, and gives whether something is stored for it then. */
export function collectValue(
  changes: StateChanges,
  state: number,
  value: unknown,
  isStored: boolean,
  serde: Serde<unknown>,
): boolean {
  if (value !== undefined) {
    changes.put(state, value, serde)
    return true
  }
  // A value that came and went within one epoch leaves no trace.
  if (isStored) changes.delete(state)
  return false
}

export class ValueCell implements Cell {
  readonly #serde: Serde<unknown>
  value: unknown = undefined
  changed = false
  #isStored = false

  constructor(serde: Serde<unknown>) {
    this.#serde = serde
  }

  get isEmpty(): boolean {
    return this.value === undefined
  }

  collect(changes: StateChanges, state: number): void {
    if (!this.changed) return
    this.changed = false
    this.#isStored = collectValue(changes, state, this.value, this.#isStored, this.#serde)
  }

  restore(_sub: Uint8Array | null, value: Uint8Array): void {
    this.#isStored = true
    this.value = this.#serde.decode(value as Buffer, 0, value.length)
  }
}

/** Elements are stored under their index, so that appending writes the new ones only. */
export class ListCell implements Cell {
  readonly #serde: Serde<unknown>
  values: unknown[] = []
  /** How many elements are stored as they are. */
  #stored = 0
  /** How many entries the backend holds, some of which may be stale. */
  #written = 0

  constructor(serde: Serde<unknown>) {
    this.#serde = serde
  }

  get isEmpty(): boolean {
    return this.values.length === 0
  }

  replace(values: unknown[]): void {
    this.values = values
    this.#stored = 0
  }

  collect(changes: StateChanges, state: number): void {
    const { length } = this.values
    if (length === 0) {
      if (this.#written > 0) changes.delete(state)
    } else {
      for (let index = this.#stored; index < length; index++) {
        changes.beginSub().writeUint32(index)
        changes.put(state, this.values[index], this.#serde)
      }
      for (let index = length; index < this.#written; index++) {
        changes.beginSub().writeUint32(index)
        changes.delete(state)
      }
    }
    this.#stored = length
    this.#written = length
  }

  restore(sub: Uint8Array | null, value: Uint8Array): void {
    if (sub === null || sub.length !== 4) throw corrupt('a list')
    const index = Buffer.from(sub.buffer, sub.byteOffset, 4).readUInt32BE(0)
    this.values[index] = this.#serde.decode(value as Buffer, 0, value.length)
    this.#stored = this.values.length
    this.#written = this.values.length
  }
}

interface ChangedEntry {
  readonly key: unknown
  /** Whether the backend has the entry as it was before. */
  readonly isStored: boolean
}

interface MapEntry {
  readonly key: unknown
  value: unknown
}

// Most keys change little in an epoch, and many have nothing in a map: they share these, which are never written to.
const NO_ENTRIES: ReadonlyMap<unknown, MapEntry> = new Map()
const UNCHANGED: ReadonlyMap<unknown, ChangedEntry> = new Map()

export class MapCell implements Cell {
  readonly #serde: Serde<unknown>
  #entries: ReadonlyMap<unknown, MapEntry> = NO_ENTRIES
  /** The entries that changed since the last barrier, by identity. */
  #changed: ReadonlyMap<unknown, ChangedEntry> = UNCHANGED
  #cleared = false
  #stored = false

  constructor(serde: Serde<unknown>) {
    this.#serde = serde
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0
  }

  get entries(): ReadonlyMap<unknown, { readonly key: unknown; readonly value: unknown }> {
    return this.#entries
  }

  get(key: unknown): unknown {
    return this.#entries.get(identityOf(key))?.value
  }

  has(key: unknown): boolean {
    return this.#entries.has(identityOf(key))
  }

  set(key: unknown, value: unknown): void {
    const identity = identityOf(key)
    const entry = this.#entries.get(identity)
    if (entry === undefined) this.#ownEntries().set(identity, { key, value })
    else entry.value = value
    // What is there and has not changed is stored.
    if (!this.#changed.has(identity)) this.#ownChanged().set(identity, { key, isStored: entry !== undefined })
  }

  delete(key: unknown): void {
    const identity = identityOf(key)
    if (!this.#entries.has(identity)) return
    this.#ownEntries().delete(identity)
    this.#removed(identity, key)
  }

  clear(): void {
    for (const [identity, { key }] of this.#entries) this.#removed(identity, key)
    this.#entries = NO_ENTRIES
    this.#cleared = true
  }

  collect(changes: StateChanges, state: number): void {
    if (this.#entries.size === 0 && this.#cleared) {
      if (this.#stored) changes.delete(state)
    } else {
      for (const [identity, { key: entryKey }] of this.#changed) {
        const entry = this.#entries.get(identity)
        encodeKey(entryKey, changes.beginSub())
        if (entry === undefined) changes.delete(state)
        else changes.put(state, entry.value, this.#serde)
      }
    }
    this.#changed = UNCHANGED
    this.#cleared = false
    this.#stored = this.#entries.size > 0
  }

  #removed(identity: unknown, key: unknown): void {
    const changed = this.#changed.get(identity)
    // An entry that came and went within one epoch leaves no trace.
    if (changed?.isStored === false) this.#ownChanged().delete(identity)
    else if (changed === undefined) this.#ownChanged().set(identity, { key, isStored: true })
  }

  restore(sub: Uint8Array | null, value: Uint8Array): void {
    if (sub === null) throw corrupt('a map')
    const key = decodeKey(Buffer.from(sub.buffer, sub.byteOffset, sub.length))
    this.#ownEntries().set(identityOf(key), { key, value: this.#serde.decode(value as Buffer, 0, value.length) })
    this.#stored = true
  }

  #ownEntries(): Map<unknown, MapEntry> {
    if (this.#entries === NO_ENTRIES) this.#entries = new Map()
    return this.#entries as Map<unknown, MapEntry>
  }

  #ownChanged(): Map<unknown, ChangedEntry> {
    if (this.#changed === UNCHANGED) this.#changed = new Map()
    return this.#changed as Map<unknown, ChangedEntry>
  }
}

const identityBytes = new ByteWriter(128)

/** What equal keys share, and only they: primitives themselves, else a marked text of the bytes. */
function identityOf(key: unknown): unknown {
  if (typeof key === 'string') return key.charCodeAt(0) === 0 ? `\0s${key}` : key
  if ((typeof key === 'number' && !Number.isNaN(key)) || typeof key === 'boolean') return key
  identityBytes.position = 0
  encodeKey(key, identityBytes)
  return `\0b${identityBytes.buffer.toString('latin1', 0, identityBytes.position)}`
}

function corrupt(what: string): StreamError {
  return new StreamError(
    'STATE_CORRUPT',
    `An entry of ${what} state has no valid position; the stored state is damaged.`,
  )
}
