import type { Serde } from '../../serde/serde.ts'
import { type MapDescriptor, mapState } from '../../state/keyed/descriptor.ts'
import type { MapState } from '../../state/keyed/handles.ts'
import type { OutputTag } from '../output-tag.ts'
import type { Collector, KeyedCoProcessFunction } from '../process-function.ts'
import { type AnyJoinMap, type JoinType, keepsLeft, keepsRight } from './join-type.ts'
import { sideSerde, type Waiting } from './waiting.ts'

export interface IntervalJoin {
  /** A right record belongs to a left one when its time is from `lowerMs` to `upperMs` after the left one's, both inclusive. */
  readonly lowerMs: number
  readonly upperMs: number
  readonly type: JoinType
  readonly map: AnyJoinMap
  readonly left: Serde<unknown>
  readonly right: Serde<unknown>
  readonly lateLeft: OutputTag<unknown> | null
  readonly lateRight: OutputTag<unknown> | null
}

type Sides = { readonly lefts: MapDescriptor<number, Waiting[]>; readonly rights: MapDescriptor<number, Waiting[]> }

/**
 * Joins records of a key whose times are near. Both sides wait, by their times, until the watermark says that no partner can
 * come any more; then those without one are given, where the join is an outer one.
 */
export function intervalJoin(join: IntervalJoin): KeyedCoProcessFunction<unknown, unknown, unknown, unknown, Sides> {
  const { lowerMs, upperMs, type, map, lateLeft, lateRight } = join
  // A partner of a left record comes at most this much later than itself, and the other way round.
  const leftWaitsMs = Math.max(upperMs, 0)
  const rightWaitsMs = Math.max(-lowerMs, 0)

  const meet = (
    time: number,
    own: Waiting,
    others: MapState<number, Waiting[]>,
    from: number,
    to: number,
    emit: (other: Waiting, otherTime: number) => void,
  ): void => {
    for (const [otherTime, waiting] of [...others.entries()]) {
      if (otherTime < time + from || otherTime > time + to) continue
      for (const other of waiting) emit(other, otherTime)
      own.isMatched = true
      if (waiting.every(({ isMatched }) => isMatched)) continue
      others.set(
        otherTime,
        waiting.map(({ value }) => ({ value, isMatched: true })),
      )
    }
  }

  const release = (
    waiting: MapState<number, Waiting[]>,
    untilMs: number,
    give: ((value: unknown, time: number) => void) | null,
  ): void => {
    const due = [...waiting.entries()].filter(([time]) => time <= untilMs)
    for (const [time, list] of due.toSorted(([a], [b]) => a - b)) {
      waiting.delete(time)
      if (give === null) continue
      for (const { value, isMatched } of list) if (!isMatched) give(value, time)
    }
  }

  return {
    // Pairs are given at once; that there is no partner is known by time.
    waitsForEventTime: type !== 'inner',
    state: {
      lefts: mapState<number, Waiting[]>({ serde: sideSerde(join.left) }),
      rights: mapState<number, Waiting[]>({ serde: sideSerde(join.right) }),
    },
    onLeft(value, context, out: Collector<unknown>) {
      const { timestamp: time, watermark, state, timers } = context
      if (time <= watermark) {
        if (lateLeft !== null) context.side(lateLeft, value)
        return
      }
      const own: Waiting = { value, isMatched: false }
      meet(time, own, state.rights, lowerMs, upperMs, (right, rightTime) =>
        out.emit(map(value, right.value), Math.max(time, rightTime)),
      )
      state.lefts.set(time, [...(state.lefts.get(time) ?? []), own])
      timers.atEventTime(time + leftWaitsMs)
    },
    onRight(value, context, out: Collector<unknown>) {
      const { timestamp: time, watermark, state, timers } = context
      if (time <= watermark) {
        if (lateRight !== null) context.side(lateRight, value)
        return
      }
      const own: Waiting = { value, isMatched: false }
      meet(time, own, state.lefts, -upperMs, -lowerMs, (left, leftTime) =>
        out.emit(map(left.value, value), Math.max(time, leftTime)),
      )
      state.rights.set(time, [...(state.rights.get(time) ?? []), own])
      timers.atEventTime(time + rightWaitsMs)
    },
    onTimer({ timeMs }, { state }, out: Collector<unknown>) {
      release(
        state.lefts,
        timeMs - leftWaitsMs,
        keepsLeft(type) ? (value, time) => out.emit(map(value, undefined), time) : null,
      )
      release(
        state.rights,
        timeMs - rightWaitsMs,
        keepsRight(type) ? (value, time) => out.emit(map(undefined, value), time) : null,
      )
    },
  }
}
