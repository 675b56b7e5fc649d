import { StreamError } from '../../errors.ts'
import { KeyDecoder } from '../../serde/key-codec.ts'
import type { StateEntry, StateKey } from '../../state/backend.ts'
import { type KeySlot, KeyTable } from '../../state/keyed/key-table.ts'
import type { StateChanges } from '../../state/state-changes.ts'
import type { StateCatalogEntry } from '../operator.ts'
import { type KeyPanes, Pane } from './pane.ts'
import type { PaneContents } from './pane-contents.ts'
import { PaneStates } from './pane-states.ts'

/*
 * How a pane is stored: under its key with the pane's id (f64) behind it.
 *   sub null:      start f64 | end f64 | flags u8 | accumulator …
 *   sub u32 index: one element, where the contents are elements
 * Deleting the key deletes all of them. State of the window stands under the same key, in states of its own.
 */
const HEADER_BYTES = 17
const FIRED = 1
const HAS_CONTENTS = 2
const FIRED_AT_END = 4

/** The panes of all keys, with what has changed of them since the last barrier. */
export class PaneStore {
  readonly table: KeyTable<KeyPanes> = new KeyTable<KeyPanes>(() => ({ panes: [], sliced: null, cached: null }))
  readonly states: PaneStates
  /** The name that panes are stored under. */
  readonly state: string
  /** Keys without panes are kept, for a cache to drop. */
  keepsKeys = false
  readonly #contents: PaneContents
  readonly #maxParallelism: number
  #dirty: Pane[] = []

  /** `name` tells stores of different meaning apart: what is in a slice is not what is in a window. */
  constructor(
    uid: string,
    name: '$panes' | '$slices',
    contents: PaneContents,
    maxParallelism: number,
    states: PaneStates = new PaneStates(uid, []),
  ) {
    this.state = `${uid}/${name}`
    this.#contents = contents
    this.#maxParallelism = maxParallelism
    this.states = states
  }

  get catalog(): StateCatalogEntry[] {
    const { kind, serde } = this.#contents
    const panes = { state: this.state, kind: `panes-of-${kind}`, format: `pane@2+${serde.format}` }
    return [panes, ...this.states.catalog]
  }

  /** Adds a pane to its key at this position. */
  insert(slot: KeySlot<KeyPanes>, at: number, id: number, start: number, end: number): Pane {
    const pane = this.#create(slot, id, start, end)
    slot.data.panes.splice(at, 0, pane)
    return pane
  }

  markDirty(pane: Pane): void {
    if (pane.isDirty) return
    pane.isDirty = true
    this.#dirty.push(pane)
    const { mark } = pane.slot
    if (mark !== null) mark.epoch = Number.POSITIVE_INFINITY
  }

  /** Takes a pane out of its key; the key is forgotten with its last pane. */
  remove(pane: Pane): void {
    pane.alive = false
    const { panes } = pane.slot.data
    panes.splice(panes.indexOf(pane), 1)
    if (pane.isStored) this.markDirty(pane)
    if (panes.length === 0 && !this.keepsKeys) this.table.delete(pane.slot)
  }

  /** Writes what has changed since the last call, and gives the panes. */
  collect(changes: StateChanges): readonly Pane[] {
    for (const slot of this.table.takeDirty()) {
      if (slot.data.panes.length === 0 && !this.keepsKeys) this.table.delete(slot)
    }
    const dirty = this.#dirty
    this.#dirty = []
    const state = changes.numberOf(this.state)
    for (const pane of dirty) {
      pane.isDirty = false
      if (!pane.alive && !pane.isStored) continue
      pane.slot.beginKey(changes, this.#maxParallelism).writeFloat64(pane.id)
      changes.endKey(pane.slot.keyGroup(this.#maxParallelism))
      if (pane.alive) {
        this.#write(pane, changes, state)
      } else {
        changes.delete(state)
        this.states.drop(changes)
      }
    }
    return dirty
  }

  /** Takes a stored entry; false when it belongs to something else. */
  restore(entry: StateEntry): boolean {
    if (!this.has(entry.state)) return false
    const bytes = Buffer.from(entry.key.buffer, entry.key.byteOffset, entry.key.length)
    const decoder = new KeyDecoder(bytes, 0, bytes.length)
    const slot = this.table.slot(decoder.read())
    const id = bytes.readDoubleBE(decoder.position)
    const { panes } = slot.data
    // Entries come in no order: the bounds are known when the header has come.
    const pane = panes.find((candidate) => candidate.id === id) ?? this.insert(slot, panes.length, id, id, id)
    this.restorePane(pane, entry)
    return true
  }

  has(state: string): boolean {
    return state === this.state || this.states.has(state)
  }

  /** Takes a stored entry of this pane. */
  restorePane(pane: Pane, entry: StateEntry): void {
    pane.isStored = true
    if (entry.state === this.state) this.#read(pane, entry)
    else if (pane.state !== null) this.states.restore(pane.state, entry)
  }

  /** After the last entry: brings panes into order. */
  *restored(): Iterable<Pane> {
    for (const slot of this.table.slots()) {
      sortPanes(slot)
      yield* slot.data.panes
    }
  }

  #create(slot: KeySlot<KeyPanes>, id: number, start: number, end: number): Pane {
    const pane = new Pane(slot, id, start, end)
    pane.state = this.states.create(pane)
    return pane
  }

  #read(pane: Pane, { sub, value: stored }: StateEntry): void {
    const value = Buffer.from(stored.buffer, stored.byteOffset, stored.length)
    const { kind, serde } = this.#contents
    if (sub === null) {
      const { start, end, flags } = readHeader(value)
      pane.start = start
      pane.end = end
      pane.fired = (flags & FIRED) !== 0
      pane.firedAtEnd = (flags & FIRED_AT_END) !== 0
      if (kind === 'accumulator' && (flags & HAS_CONTENTS) !== 0) {
        pane.contents = serde.decode(value, HEADER_BYTES, value.length)
      }
      return
    }
    if (kind !== 'elements' || sub.length !== 4) {
      throw new StreamError('STATE_CORRUPT', 'A stored window has an element without a position; the state is damaged.')
    }
    const elements = (pane.contents ?? []) as unknown[]
    const index = Buffer.from(sub.buffer, sub.byteOffset, 4).readUInt32BE(0)
    elements[index] = serde.decode(value, 0, value.length)
    pane.contents = elements
    pane.storedElements = elements.length
  }

  #write(pane: Pane, changes: StateChanges, state: number): void {
    const { kind, serde } = this.#contents
    // The elements were replaced as a whole (a merge, an eviction): what is stored of the former ones must go.
    if (kind === 'elements' && pane.isStored && pane.storedElements === 0) changes.delete(state)
    const hasContents = pane.contents !== undefined
    const value = changes.beginValue()
    value.writeFloat64(pane.start)
    value.writeFloat64(pane.end)
    value.writeUint8((pane.fired ? FIRED : 0) | (pane.firedAtEnd ? FIRED_AT_END : 0) | (hasContents ? HAS_CONTENTS : 0))
    if (kind === 'accumulator' && hasContents) serde.encode(pane.contents, value)
    changes.endValue(state)
    if (kind === 'elements') this.#writeElements(pane, changes, state)
    if (pane.state !== null) this.states.collect(pane.state, changes)
    pane.isStored = true
  }

  #writeElements(pane: Pane, changes: StateChanges, state: number): void {
    const elements = (pane.contents ?? []) as unknown[]
    for (let index = pane.storedElements; index < elements.length; index++) {
      changes.beginSub().writeUint32(index)
      changes.put(state, elements[index], this.#contents.serde)
    }
    pane.storedElements = elements.length
  }

  /** Where a pane is stored. */
  addressOf(pane: Pane): StateKey {
    const { bytes } = pane.slot
    const key = Buffer.allocUnsafe(bytes.length + 8)
    key.set(bytes)
    key.writeDoubleBE(pane.id, bytes.length)
    return { keyGroup: pane.slot.keyGroup(this.#maxParallelism), key }
  }
}

/** Brings the panes of a key into order. */
export function sortPanes({ data }: KeySlot<KeyPanes>): void {
  data.panes.sort((a, b) => a.end - b.end || a.start - b.start)
}

/** The bounds of a stored pane, and whether it had fired. */
export function storedBounds({ value }: StateEntry): { start: number; end: number; fired: boolean } {
  const { start, end, flags } = readHeader(Buffer.from(value.buffer, value.byteOffset, value.length))
  return { start, end, fired: (flags & FIRED) !== 0 }
}

function readHeader(value: Buffer): { readonly start: number; readonly end: number; readonly flags: number } {
  return { start: value.readDoubleBE(0), end: value.readDoubleBE(8), flags: value[16] as number }
}
