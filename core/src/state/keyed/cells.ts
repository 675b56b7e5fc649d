import { StreamError } from '../../errors.ts'
import { ByteWriter } from '../../serde/byte-writer.ts'
import { decodeKey, encodeKey, keyBytes } from '../../serde/key-codec.ts'
import type { Serde } from '../../serde/serde.ts'
import type { StateChange } from '../backend.ts'
import { encodeValue } from './encode-value.ts'

/** Where the changes of one key of one state go. */
export interface ChangeTarget {
  readonly state: string
  readonly keyGroup: number
  readonly key: Uint8Array
  readonly changes: StateChange[]
}

/** What one state keeps for one key, and what of it has changed since the last barrier. */
export interface Cell {
  /** Nothing is kept: the key can be forgotten when all its cells say so. */
  readonly isEmpty: boolean
  /** Writes what has changed and counts as unchanged from then on. */
  collect(target: ChangeTarget): void
  restore(sub: Uint8Array | null, value: Uint8Array): void
}

/** Writes what a value has become, undefined for none, and gives whether something is stored for it then. */
export function collectValue(
  { state, keyGroup, key, changes }: ChangeTarget,
  value: unknown,
  isStored: boolean,
  serde: Serde<unknown>,
): boolean {
  if (value !== undefined) {
    changes.push({ state, keyGroup, key, sub: null, value: encodeValue(value, serde) })
    return true
  }
  // A value that came and went within one epoch leaves no trace.
  if (isStored) changes.push({ state, keyGroup, key, sub: null, value: null })
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

  collect(target: ChangeTarget): void {
    if (!this.changed) return
    this.changed = false
    this.#isStored = collectValue(target, this.value, this.#isStored, this.#serde)
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

  collect({ state, keyGroup, key, changes }: ChangeTarget): void {
    const { length } = this.values
    if (length === 0) {
      if (this.#written > 0) changes.push({ state, keyGroup, key, sub: null, value: null })
    } else {
      for (let index = this.#stored; index < length; index++) {
        changes.push({
          state,
          keyGroup,
          key,
          sub: indexBytes(index),
          value: encodeValue(this.values[index], this.#serde),
        })
      }
      for (let index = length; index < this.#written; index++) {
        changes.push({ state, keyGroup, key, sub: indexBytes(index), value: null })
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

  collect({ state, keyGroup, key, changes }: ChangeTarget): void {
    if (this.#entries.size === 0 && this.#cleared) {
      if (this.#stored) changes.push({ state, keyGroup, key, sub: null, value: null })
    } else {
      for (const [identity, { key: entryKey }] of this.#changed) {
        const entry = this.#entries.get(identity)
        const value = entry === undefined ? null : encodeValue(entry.value, this.#serde)
        changes.push({ state, keyGroup, key, sub: keyBytes(entryKey), value })
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

function indexBytes(index: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(index, 0)
  return bytes
}

function corrupt(what: string): StreamError {
  return new StreamError(
    'STATE_CORRUPT',
    `An entry of ${what} state has no valid position; the stored state is damaged.`,
  )
}
