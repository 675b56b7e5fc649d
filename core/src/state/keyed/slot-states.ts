import type { Serde } from '../../serde/serde.ts'
import type { StateChanges } from '../state-changes.ts'
import { collectValue } from './cells.ts'
import type { KeySlot } from './key-table.ts'

/**
 * A state whose contents are fields of the slot of a key. A cell is an object or two more for every key, each of them memory and
 * a cache miss for every record of a large table.
 */
export interface SlotState {
  isEmpty(slot: KeySlot<unknown>): boolean
  /** Writes what has changed of the state with this number, for the key written last, and counts as unchanged from then on. */
  collect(slot: KeySlot<unknown>, changes: StateChanges, state: number): void
  restore(slot: KeySlot<unknown>, sub: Uint8Array | null, value: Uint8Array): void
  /** Nothing is kept and nothing is known of what is stored, as with a new slot. */
  reset(slot: KeySlot<unknown>): void
}

/** Values that a slot has room for. */
const VALUES = 2

/** The state for the value at a position of the slot; null when a slot has no more of these. */
export function valueInSlot(position: number, serde: Serde<unknown>): SlotState | null {
  return position < VALUES ? new ValueInSlot(position, serde) : null
}

export class ValueInSlot implements SlotState {
  readonly position: number
  readonly #serde: Serde<unknown>

  constructor(position: number, serde: Serde<unknown>) {
    this.position = position
    this.#serde = serde
  }

  isEmpty(slot: KeySlot<unknown>): boolean {
    return slot.value(this.position) === undefined
  }

  collect(slot: KeySlot<unknown>, changes: StateChanges, state: number): void {
    const { position } = this
    if (!slot.isValueChanged(position)) return
    slot.markValueChanged(position, false)
    const isStored = collectValue(changes, state, slot.value(position), slot.isValueStored(position), this.#serde)
    slot.markValueStored(position, isStored)
  }

  restore(slot: KeySlot<unknown>, _sub: Uint8Array | null, value: Uint8Array): void {
    slot.markValueStored(this.position, true)
    slot.setValue(this.position, this.#serde.decode(value as Buffer, 0, value.length))
  }

  reset(slot: KeySlot<unknown>): void {
    slot.setValue(this.position, undefined)
    slot.markValueChanged(this.position, false)
    slot.markValueStored(this.position, false)
  }
}
