import type { KeySlot } from '../../state/keyed/key-table.ts'
import type { Due } from './due-queue.ts'
import type { PaneStateSlot } from './pane-states.ts'
import type { Times } from './parked-keys.ts'
import type { SlidingAggregate } from './sliding-aggregate.ts'

/** The panes of one key, ascending by end and start. */
export interface KeyPanes {
  readonly panes: Pane[]
  /** Where panes are slices of overlapping windows. */
  sliced: SlicedKey | null
  /** Where not all keys are on the heap. */
  cached: CachedKey | null
}

/** What a cache of windows knows of a key that is on the heap. */
export interface CachedKey {
  /** The serialized key as text. */
  readonly id: string
  /** Up to when it stands in the queue. */
  readonly queued: Times
  /** Before its windows are read: when something is due. */
  readonly due: Times
}

/** A key whose panes are slices, with the window that fires next. */
export class SlicedKey implements Due {
  readonly slot: KeySlot<KeyPanes>
  readonly aggregate: SlidingAggregate
  dueMs: number = Number.NaN
  /** End of the first window that holds a slice and has not fired; infinity when all have. */
  nextEnd: number = Number.POSITIVE_INFINITY

  constructor(slot: KeySlot<KeyPanes>, aggregate: SlidingAggregate) {
    this.slot = slot
    this.aggregate = aggregate
  }
}

/** One window of one key, with what was gathered in it. */
export class Pane {
  readonly slot: KeySlot<KeyPanes>
  /** Names the pane among those of its key for as long as it lives. */
  readonly id: number
  start: number
  end: number
  /** The accumulator, or the list of values; undefined when it holds none. */
  contents: unknown = undefined
  /** When the queue looks at it next; an entry of the queue for another time is stale. */
  dueMs: number = Number.NaN
  fired = false
  /** Whether a firing came when time had passed the window already. */
  firedAtEnd = false
  /** False once it was cleared or merged into another. */
  alive = true
  isDirty = false
  /** Whether the backend holds something of it. */
  isStored = false
  /** Elements of a list that are stored already. */
  storedElements = 0
  /** State of trigger and function, where they have any. */
  state: PaneStateSlot | null = null

  constructor(slot: KeySlot<KeyPanes>, id: number, start: number, end: number) {
    this.slot = slot
    this.id = id
    this.start = start
    this.end = end
  }
}
