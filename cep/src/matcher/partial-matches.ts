import { Dewey } from './dewey.ts'
import { type BufferedEvent, type BufferNode, SharedBuffer } from './shared-buffer.ts'

const NONE: readonly BufferedEvent[] = []
const FOREVER = Number.POSITIVE_INFINITY

/** A match that has begun and may go on: where it stands, and the ways on that are still open to it. */
export class PartialMatch {
  node: BufferNode
  version: Dewey
  /** Bit by bit the edges of its position, and above them the end of the match where that is still to come. */
  open: number
  /** No event came since its last one. */
  isFresh: boolean
  readonly startTimestamp: number
  readonly startSequence: number
  /** When the next of its ways on closes by time; infinity when none does. */
  deadlineMs: number = FOREVER
  /** What it has taken so far is a match that was given, so it does not time out. */
  isGiven = false

  constructor(
    node: BufferNode,
    version: Dewey,
    open: number,
    isFresh: boolean,
    startTimestamp: number,
    startSequence: number,
  ) {
    this.node = node
    this.version = version
    this.open = open
    this.isFresh = isFresh
    this.startTimestamp = startTimestamp
    this.startSequence = startSequence
  }
}

/** A match that waits until none that began earlier can come any more: which of them is given depends on it. */
export interface HeldMatch {
  readonly node: BufferNode
  readonly version: Dewey
  readonly startSequence: number
}

/** All that is kept of one key for one pattern. */
export class PartialMatches {
  readonly buffer: SharedBuffer = new SharedBuffer()
  runs: PartialMatch[] = []
  held: HeldMatch[] = []
  /** First digits of versions that were given out. */
  starts = 0
  /** Events seen while something was kept. */
  sequence = 0
  /** The earliest deadline of all runs. */
  deadlineMs: number = FOREVER
  /** Events whose values are still to be read, since it was restored. */
  unread: readonly BufferedEvent[] = NONE

  /** Nothing need be kept. */
  get isEmpty(): boolean {
    return this.runs.length === 0 && this.held.length === 0
  }

  clear(): void {
    this.runs = []
    this.held = []
    this.starts = 0
    this.sequence = 0
    this.deadlineMs = FOREVER
    this.buffer.size = 0
  }

  nextStart(): Dewey {
    return new Dewey(null, this.starts++)
  }
}
