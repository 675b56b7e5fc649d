import type { Cell, ChangeTarget } from '../../state/keyed/cells.ts'
import { timeBytes } from '../../state/keyed/timer-cell.ts'

const NOTHING = new Uint8Array(0)
const AT_ROUND_END = timeBytes(0)

/** Whether the turn of a key comes at the end of the round: stored as a timer, in far less memory than any number of them takes. */
export class RoundCell implements Cell {
  isSet = false
  #isStored = false

  get isEmpty(): boolean {
    return !this.isSet
  }

  collect({ state, keyGroup, key, changes }: ChangeTarget): void {
    if (this.isSet === this.#isStored) return
    this.#isStored = this.isSet
    changes.push({ state, keyGroup, key, sub: AT_ROUND_END, value: this.isSet ? NOTHING : null })
  }

  restore(): void {
    this.isSet = true
    this.#isStored = true
  }
}
