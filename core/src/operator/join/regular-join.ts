import type { ListDescriptor } from '../../state/keyed/descriptor.ts'
import type { Collector, KeyedCoProcessFunction } from '../process-function.ts'
import type { AnyJoinMap } from './join-type.ts'

type Sides = { readonly lefts: ListDescriptor<unknown>; readonly rights: ListDescriptor<unknown> }

/** Joins every record with all of the other side that have come and are still kept, whatever their times. */
export function regularJoin(
  map: AnyJoinMap,
  state: Sides,
): KeyedCoProcessFunction<unknown, unknown, unknown, unknown, Sides> {
  return {
    state,
    onLeft(left, { state: { lefts, rights } }, out: Collector<unknown>) {
      lefts.add(left)
      for (const right of rights.get()) out.emit(map(left, right))
    },
    onRight(right, { state: { lefts, rights } }, out: Collector<unknown>) {
      rights.add(right)
      for (const left of lefts.get()) out.emit(map(left, right))
    },
  }
}
