import type { KeySlot } from '../../state/keyed/key-table.ts'

/** The panes of one key, ascending by start. */
export interface KeyPanes {
  readonly panes: Pane[]
}

/** One window of one key, with what was gathered in it. */
export class Pane {
  readonly slot: KeySlot<KeyPanes>
  /** Names the pane among those of its key for as long as it lives: the start that it had at first. */
  readonly id: number
  start: number
  end: number
  /** The accumulator, or the list of values. */
  contents: unknown = undefined
  /** When the queue looks at it next; an entry of the queue for another time is stale. */
  dueMs: number = Number.NaN
  fired = false
  /** False once it was cleared or merged into another. */
  alive = true
  isDirty = false
  /** Whether the backend holds something of it. */
  isStored = false
  /** Elements of a list that are stored already. */
  storedElements = 0

  constructor(slot: KeySlot<KeyPanes>, id: number, start: number, end: number) {
    this.slot = slot
    this.id = id
    this.start = start
    this.end = end
  }
}
