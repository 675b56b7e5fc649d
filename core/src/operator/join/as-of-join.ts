import type { Serde } from '../../serde/serde.ts'
import { type MapDescriptor, mapState, type ValueDescriptor, valueState } from '../../state/keyed/descriptor.ts'
import type { OutputTag } from '../output-tag.ts'
import type { Collector, KeyedCoProcessFunction } from '../process-function.ts'
import type { AnyJoinMap } from './join-type.ts'
import { sideSerde, type Waiting } from './waiting.ts'

export interface AsOfJoin {
  readonly keepsUnmatched: boolean
  readonly map: AnyJoinMap
  /** True for a version that says that there is none from its time on. */
  readonly isDeleted: ((version: unknown) => boolean) | null
  /** Versions that are older than this when a record comes do not count; infinity for any. */
  readonly toleranceMs: number
  readonly left: Serde<unknown>
  readonly right: Serde<unknown>
  readonly late: OutputTag<unknown> | null
}

type Versioned = {
  readonly waiting: MapDescriptor<number, Waiting[]>
  readonly versions: MapDescriptor<number, unknown>
}

/**
 * Joins each left record with the version of its key that was valid at its time: the last right record at or before it. A
 * left record waits until the watermark has passed it, since an earlier version may still come.
 */
export function asOfJoin(join: AsOfJoin): KeyedCoProcessFunction<unknown, unknown, unknown, unknown, Versioned> {
  const { keepsUnmatched, map, isDeleted, toleranceMs, late } = join

  const give = (
    value: unknown,
    time: number,
    versions: readonly (readonly [number, unknown])[],
    out: Collector<unknown>,
  ): void => {
    const found = versions.findLast(([versionTime]) => versionTime <= time)
    const isValid = found !== undefined && time - found[0] <= toleranceMs && isDeleted?.(found[1]) !== true
    if (isValid) out.emit(map(value, found[1]), time)
    else if (keepsUnmatched) out.emit(map(value, undefined), time)
  }

  return {
    waitsForEventTime: true,
    state: {
      waiting: mapState<number, Waiting[]>({ serde: sideSerde(join.left) }),
      versions: mapState<number, unknown>({ serde: join.right }),
    },
    onLeft(value, context) {
      const { timestamp: time, watermark, state, timers } = context
      if (time <= watermark) {
        if (late !== null) context.side(late, value)
        return
      }
      state.waiting.set(time, [...(state.waiting.get(time) ?? []), { value, isMatched: false }])
      timers.atEventTime(time)
    },
    onRight(version, { timestamp: time, watermark, state, timers }) {
      state.versions.set(time, version)
      // Lets go of versions that this one puts out of use, once no left record from before it can come.
      timers.atEventTime(Math.max(time, watermark))
    },
    onTimer({ timeMs }, { state }, out: Collector<unknown>) {
      const versions = [...state.versions.entries()].toSorted(([a], [b]) => a - b)
      const due = [...state.waiting.entries()].filter(([time]) => time <= timeMs)
      for (const [time, list] of due.toSorted(([a], [b]) => a - b)) {
        for (const { value } of list) give(value, time, versions, out)
        state.waiting.delete(time)
      }
      const valid = versions.findLastIndex(([time]) => time <= timeMs)
      versions.forEach(([time, version], at) => {
        const isOver = at < valid || (at === valid && isDeleted?.(version) === true && at === versions.length - 1)
        if (isOver) state.versions.delete(time)
      })
    },
  }
}

type Latest = { readonly latest: ValueDescriptor<unknown> }

/** Joins each left record with the newest right record that has come by then. */
export function latestJoin(
  join: Pick<AsOfJoin, 'keepsUnmatched' | 'map' | 'isDeleted' | 'right'>,
): KeyedCoProcessFunction<unknown, unknown, unknown, unknown, Latest> {
  const { keepsUnmatched, map, isDeleted } = join
  return {
    state: { latest: valueState<unknown>({ serde: join.right }) },
    onLeft(value, { state }, out: Collector<unknown>) {
      const version = state.latest.get()
      if (version !== undefined || keepsUnmatched) out.emit(map(value, version))
    },
    onRight(version, { state }) {
      if (isDeleted?.(version) === true) state.latest.clear()
      else state.latest.set(version)
    },
  }
}
