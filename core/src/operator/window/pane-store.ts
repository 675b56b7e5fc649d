import { StreamError } from '../../errors.ts'
import { ByteWriter } from '../../serde/byte-writer.ts'
import { KeyDecoder } from '../../serde/key-codec.ts'
import type { StateChange, StateEntry } from '../../state/backend.ts'
import { KeyTable } from '../../state/keyed/key-table.ts'
import { type KeyPanes, Pane } from './pane.ts'
import type { PaneContents } from './pane-contents.ts'

/*
 * How a pane is stored: under its key with the pane's id (f64) behind it.
 *   sub null:      start f64 | end f64 | fired u8 | accumulator …
 *   sub u32 index: one element, where the contents are elements
 * Deleting the key deletes all of them.
 */
const HEADER_BYTES = 17

/** The panes of all keys, with what has changed of them since the last barrier. */
export class PaneStore {
  readonly table: KeyTable<KeyPanes> = new KeyTable<KeyPanes>(() => ({ panes: [] }))
  readonly #state: string
  readonly #contents: PaneContents
  readonly #maxParallelism: number
  readonly #scratch = new ByteWriter(1024)
  #dirty: Pane[] = []

  constructor(uid: string, contents: PaneContents, maxParallelism: number) {
    this.#state = `${uid}/$panes`
    this.#contents = contents
    this.#maxParallelism = maxParallelism
  }

  get catalogEntry(): { readonly state: string; readonly kind: string; readonly format: string } {
    const { kind, serde } = this.#contents
    return { state: this.#state, kind: `panes-of-${kind}`, format: `pane@1+${serde.format}` }
  }

  markDirty(pane: Pane): void {
    if (pane.isDirty) return
    pane.isDirty = true
    this.#dirty.push(pane)
  }

  /** Takes a pane out of its key; the key is forgotten with its last pane. */
  remove(pane: Pane): void {
    pane.alive = false
    const { panes } = pane.slot.data
    panes.splice(panes.indexOf(pane), 1)
    if (pane.isStored) this.markDirty(pane)
    if (panes.length === 0) this.table.delete(pane.slot)
  }

  collect(changes: StateChange[]): void {
    for (const slot of this.table.takeDirty()) if (slot.data.panes.length === 0) this.table.delete(slot)
    const dirty = this.#dirty
    this.#dirty = []
    for (const pane of dirty) {
      pane.isDirty = false
      if (pane.alive) this.#write(pane, changes)
      else if (pane.isStored) changes.push({ ...this.#address(pane), sub: null, value: null })
    }
  }

  restore(entry: StateEntry): void {
    if (entry.state !== this.#state) {
      throw new StreamError(
        'STATE_CORRUPT',
        `State ${entry.state} is stored, but the window operator keeps ${this.#state}.`,
      )
    }
    const bytes = Buffer.from(entry.key.buffer, entry.key.byteOffset, entry.key.length)
    const value = Buffer.from(entry.value.buffer, entry.value.byteOffset, entry.value.length)
    const decoder = new KeyDecoder(bytes, 0, bytes.length)
    const slot = this.table.slot(decoder.read())
    const id = bytes.readDoubleBE(decoder.position)
    const { panes } = slot.data
    let pane = panes.find((candidate) => candidate.id === id)
    if (pane === undefined) {
      // Entries come in no order: the bounds are known when the header has come.
      pane = new Pane(slot, id, id, id)
      panes.push(pane)
    }
    pane.isStored = true
    if (entry.sub === null) {
      pane.start = value.readDoubleBE(0)
      pane.end = value.readDoubleBE(8)
      pane.fired = value[16] === 1
      if (this.#contents.kind === 'accumulator') {
        pane.contents = this.#contents.serde.decode(value, HEADER_BYTES, value.length)
      }
    } else {
      const elements = (pane.contents ?? []) as unknown[]
      elements[Buffer.from(entry.sub.buffer, entry.sub.byteOffset, 4).readUInt32BE(0)] = this.#contents.serde.decode(
        value,
        0,
        value.length,
      )
      pane.contents = elements
      pane.storedElements = elements.length
    }
  }

  /** After the last entry: brings panes into order. */
  *restored(): Iterable<Pane> {
    for (const slot of this.table.slots()) {
      slot.data.panes.sort((a, b) => a.start - b.start)
      yield* slot.data.panes
    }
  }

  #write(pane: Pane, changes: StateChange[]): void {
    const address = this.#address(pane)
    const { kind, serde } = this.#contents
    const scratch = this.#scratch
    if (kind === 'elements' && pane.isStored && pane.storedElements === 0) {
      // The elements were replaced as a whole (a merge): what is stored of the former ones must go.
      changes.push({ ...address, sub: null, value: null })
    }
    scratch.position = 0
    scratch.writeFloat64(pane.start)
    scratch.writeFloat64(pane.end)
    scratch.writeUint8(pane.fired ? 1 : 0)
    if (kind === 'accumulator') serde.encode(pane.contents, scratch)
    changes.push({ ...address, sub: null, value: scratch.toBuffer() })
    if (kind === 'elements') {
      const elements = pane.contents as unknown[]
      for (let index = pane.storedElements; index < elements.length; index++) {
        scratch.position = 0
        serde.encode(elements[index], scratch)
        const sub = Buffer.allocUnsafe(4)
        sub.writeUInt32BE(index, 0)
        changes.push({ ...address, sub, value: scratch.toBuffer() })
      }
      pane.storedElements = elements.length
    }
    pane.isStored = true
  }

  #address(pane: Pane): { state: string; keyGroup: number; key: Uint8Array } {
    const { bytes } = pane.slot
    const key = Buffer.allocUnsafe(bytes.length + 8)
    key.set(bytes)
    key.writeDoubleBE(pane.id, bytes.length)
    return { state: this.#state, keyGroup: pane.slot.keyGroup(this.#maxParallelism), key }
  }
}
