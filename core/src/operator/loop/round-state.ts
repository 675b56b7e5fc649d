import type { KeySlot } from '../../state/keyed/key-table.ts'
import type { SlotState } from '../../state/keyed/slot-states.ts'
import { collectMark } from '../../state/keyed/timer-cell.ts'
import type { StateChanges } from '../../state/state-changes.ts'

/** In the place of a timer's time. */
const AT_ROUND_END = 0

/** Whether the turn of a key comes at the end of the round: stored as a timer is. */
export class RoundState implements SlotState {
  isEmpty(slot: KeySlot<unknown>): boolean {
    return !slot.isInRound
  }

  collect(slot: KeySlot<unknown>, changes: StateChanges, state: number): void {
    if (slot.isInRound === slot.isRoundStored) return
    slot.isRoundStored = slot.isInRound
    changes.beginSub().writeFloat64(AT_ROUND_END)
    collectMark(changes, state, slot.isInRound)
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
