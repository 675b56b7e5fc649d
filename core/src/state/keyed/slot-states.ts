import type { Serde } from '../../serde/serde.ts'
import type { ChangeTarget } from './cells.ts'
import { encodeValue } from './encode-value.ts'
import type { KeySlot } from './key-table.ts'

/**
 * A state whose contents are fields of the slot of a key. A cell is an object or two more for every key, each of them memory and
 * a cache miss for every record of a large table.
 */
export interface SlotState {
  isEmpty(slot: KeySlot<unknown>): boolean
  /** Writes what has changed and counts as unchanged from then on. */
  collect(slot: KeySlot<unknown>, target: ChangeTarget): void
  restore(slot: KeySlot<unknown>, sub: Uint8Array | null, value: Uint8Array): void
  /** Nothing is kept and nothing is known of what is stored, as with a new slot. */
  reset(slot: KeySlot<unknown>): void
}

/** The state for the value at a position of the slot; null when a slot has no more of these. */
export function valueInSlot(position: number, serde: Serde<unknown>): SlotState | null {
  if (position === 0) return new FirstValue(serde)
  return position === 1 ? new SecondValue(serde) : null
}

/** The values are written as `ValueCell` writes its own. */
export class FirstValue implements SlotState {
  readonly #serde: Serde<unknown>

  constructor(serde: Serde<unknown>) {
    this.#serde = serde
  }

  isEmpty({ first }: KeySlot<unknown>): boolean {
    return first === undefined
  }

  collect(slot: KeySlot<unknown>, { state, keyGroup, key, changes }: ChangeTarget): void {
    if (!slot.isFirstChanged) return
    slot.isFirstChanged = false
    const { first } = slot
    // A value that came and went within one epoch leaves no trace.
    if (first === undefined && !slot.isFirstStored) return
    slot.isFirstStored = first !== undefined
    changes.push({
      state,
      keyGroup,
      key,
      sub: null,
      value: first === undefined ? null : encodeValue(first, this.#serde),
    })
  }

  restore(slot: KeySlot<unknown>, _sub: Uint8Array | null, value: Uint8Array): void {
    slot.isFirstStored = true
    slot.first = this.#serde.decode(value as Buffer, 0, value.length)
  }

  reset(slot: KeySlot<unknown>): void {
    slot.first = undefined
    slot.isFirstChanged = false
    slot.isFirstStored = false
  }
}

class SecondValue implements SlotState {
  readonly #serde: Serde<unknown>

  constructor(serde: Serde<unknown>) {
    this.#serde = serde
  }

  isEmpty({ second }: KeySlot<unknown>): boolean {
    return second === undefined
  }

  collect(slot: KeySlot<unknown>, { state, keyGroup, key, changes }: ChangeTarget): void {
    if (!slot.isSecondChanged) return
    slot.isSecondChanged = false
    const { second } = slot
    if (second === undefined && !slot.isSecondStored) return
    slot.isSecondStored = second !== undefined
    changes.push({
      state,
      keyGroup,
      key,
      sub: null,
      value: second === undefined ? null : encodeValue(second, this.#serde),
    })
  }

  restore(slot: KeySlot<unknown>, _sub: Uint8Array | null, value: Uint8Array): void {
    slot.isSecondStored = true
    slot.second = this.#serde.decode(value as Buffer, 0, value.length)
  }

  reset(slot: KeySlot<unknown>): void {
    slot.second = undefined
    slot.isSecondChanged = false
    slot.isSecondStored = false
  }
}
