import type { ChangeTarget } from '../../state/keyed/cells.ts'
import type { KeySlot } from '../../state/keyed/key-table.ts'
import type { SlotState } from '../../state/keyed/slot-states.ts'
import { timeBytes } from '../../state/keyed/timer-cell.ts'

const NOTHING = new Uint8Array(0)
const AT_ROUND_END = timeBytes(0)

/** Whether the turn of a key comes at the end of the round: stored as a timer is. */
export class RoundState implements SlotState {
  isEmpty(slot: KeySlot<unknown>): boolean {
    return !slot.isInRound
  }

  collect(slot: KeySlot<unknown>, { state, keyGroup, key, changes }: ChangeTarget): void {
    if (slot.isInRound === slot.isRoundStored) return
    slot.isRoundStored = slot.isInRound
    changes.push({ state, keyGroup, key, sub: AT_ROUND_END, value: slot.isInRound ? NOTHING : null })
  }

  restore(slot: KeySlot<unknown>): void {
    slot.isInRound = true
    slot.isRoundStored = true
  }

  reset(slot: KeySlot<unknown>): void {
    slot.isInRound = false
    slot.isRoundStored = false
  }
}
