/** The alignment groups of the tasks of a worker, by name. */
export class SourceAlignment {
  readonly #groups = new Map<string, AlignmentGroup>()

  join(name: string, maxDriftMs: number, onMoved: () => void): AlignedChannel {
    let group = this.#groups.get(name)
    if (group === undefined) {
      group = new AlignmentGroup()
      this.#groups.set(name, group)
    }
    return new AlignedChannel(group, maxDriftMs, onMoved)
  }
}

/** Partitions and splits that are not to run away from one another in event time. */
class AlignmentGroup {
  readonly #channels = new Set<AlignedChannel>()

  add(channel: AlignedChannel): void {
    this.#channels.add(channel)
  }

  remove(channel: AlignedChannel): void {
    if (this.#channels.delete(channel)) this.moved(channel)
  }

  /** The watermark of the one that is furthest behind; infinity when none has any. */
  get least(): number {
    let least = Number.POSITIVE_INFINITY
    for (const { watermark, isIdle } of this.#channels) {
      // What has shown no time yet, or is silent, holds nobody back: it may stay so for ever.
      if (!isIdle && watermark !== Number.NEGATIVE_INFINITY && watermark < least) least = watermark
    }
    return least
  }

  /** Lets those look again that may have waited for this one. */
  moved(by: AlignedChannel): void {
    for (const channel of this.#channels) if (channel !== by && channel.isHeld) channel.onMoved()
  }
}

/** One partition or split of a group. */
export class AlignedChannel {
  watermark: number = Number.NEGATIVE_INFINITY
  isIdle = false
  /** Set by its reader while it waits. */
  isHeld = false
  readonly onMoved: () => void
  readonly #group: AlignmentGroup
  readonly #maxDriftMs: number

  constructor(group: AlignmentGroup, maxDriftMs: number, onMoved: () => void) {
    this.#group = group
    this.#maxDriftMs = maxDriftMs
    this.onMoved = onMoved
    group.add(this)
  }

  /** Whether it must wait for the others. The one that is furthest behind never must. */
  get isAhead(): boolean {
    return this.watermark > this.#group.least + this.#maxDriftMs
  }

  update(watermark: number, isIdle: boolean): void {
    if (watermark === this.watermark && isIdle === this.isIdle) return
    this.watermark = watermark
    this.isIdle = isIdle
    this.#group.moved(this)
  }

  /** It has ended, or its task has: nobody waits for it any more. */
  leave(): void {
    this.#group.remove(this)
  }
}
