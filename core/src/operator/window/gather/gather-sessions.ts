import { KeyTable } from '../../../state/keyed/key-table.ts'
import type { PaneContents } from '../pane-contents.ts'
import type { SessionWindows } from '../window-assigner.ts'
import { GatherOperator } from './gather-operator.ts'
import { PartialAggregate } from './partial-aggregate.ts'

/**
 * Gathers for sessions: one partial aggregate for each run of a key's records that follow one another within the gap. Behind the
 * exchange a session fires when the watermark has passed its end, and what waits here may have to prolong it: so nothing waits
 * that begins at the watermark or before.
 */
export class GatherSessionsOperator extends GatherOperator {
  readonly #gap: (value: never) => number
  readonly #merge: (left: unknown, right: unknown) => unknown
  #keys = new KeyTable<PartialAggregate[]>(() => [])
  /** No session that waits begins before it. */
  #firstStart = Number.POSITIVE_INFINITY

  /** The contents must have a `merge`. */
  constructor(key: (value: never) => unknown, { gap }: SessionWindows, contents: PaneContents) {
    super(key, contents)
    this.#gap = typeof gap === 'number' ? () => gap : gap
    this.#merge = contents.merge as (left: unknown, right: unknown) => unknown
  }

  protected single(value: never, timestamp: number): PartialAggregate {
    const contents = this.contents.add(undefined, value, timestamp)
    return new PartialAggregate(this.key(value), contents, timestamp, this.#gap(value))
  }

  protected add(value: never, timestamp: number): void {
    const slot = this.#keys.slot(this.key(value))
    const end = timestamp + this.#gap(value)
    const partial = this.#session(slot.data, slot.key, timestamp, end)
    partial.contents = this.contents.add(partial.contents, value, timestamp)
    if (partial.time < this.#firstStart) {
      this.#firstStart = partial.time
      if (partial.time <= this.watermark + 1) this.flushUpTo(this.watermark)
    }
  }

  protected flushUpTo(watermark: number): void {
    if (this.#firstStart > watermark + 1) return
    let firstStart = Number.POSITIVE_INFINITY
    for (const slot of this.#keys.slots()) {
      const { data } = slot
      let kept = 0
      for (const partial of data) {
        if (partial.time <= watermark + 1) {
          this.send(partial)
          continue
        }
        data[kept++] = partial
        if (partial.time < firstStart) firstStart = partial.time
      }
      data.length = kept
      if (kept === 0) this.#keys.delete(slot)
    }
    this.#keys.takeDirty()
    this.#firstStart = firstStart
  }

  protected flushAll(): void {
    for (const { data } of this.#keys.slots()) for (const partial of data) this.send(partial)
    this.#keys = new KeyTable<PartialAggregate[]>(() => [])
    this.#firstStart = Number.POSITIVE_INFINITY
  }

  /** The session of `[start, end)`, with those that it touches merged into it. */
  #session(sessions: PartialAggregate[], key: unknown, start: number, end: number): PartialAggregate {
    let session: PartialAggregate | null = null
    for (let at = 0; at < sessions.length; at++) {
      const other = sessions[at] as PartialAggregate
      if (other.time > end || other.time + other.span < start) continue
      if (session === null) {
        session = other
      } else {
        session.contents = this.#merge(session.contents, other.contents)
        extend(session, other.time, other.time + other.span)
        sessions.splice(at--, 1)
        this.waiting--
      }
      extend(session, start, end)
    }
    if (session !== null) return session
    const created = new PartialAggregate(key, undefined, start, end - start)
    sessions.push(created)
    this.waiting++
    return created
  }
}

function extend(session: PartialAggregate, start: number, end: number): void {
  const last = Math.max(session.time + session.span, end)
  if (start < session.time) session.time = start
  session.span = last - session.time
}
