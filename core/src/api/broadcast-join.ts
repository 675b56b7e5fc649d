import type { AnyJoinMap } from '../operator/join/join-type.ts'
import type { BroadcastProcessFunction } from '../operator/process-function.ts'
import type { Serde } from '../serde/serde.ts'
import type { MapDescriptor } from '../state/keyed/descriptor.ts'

export interface BroadcastJoinOptions<T, Other, K, Type extends 'inner' | 'left' = 'inner'> {
  /** What a record looks for. */
  readonly key: (value: T) => K
  /** What a record of the small stream is found by. */
  readonly by: (value: Other) => K
  /** @default 'inner' */
  readonly type?: Type
  /** Says of a record of the small stream that there is none from then on. */
  readonly isDeleted?: (value: Other) => boolean
  /** Of the small stream. @default msgpack() */
  readonly serde?: Serde<Other>
}

export function broadcastJoin<T, Other, K, Out>(
  { key, by, type, isDeleted }: BroadcastJoinOptions<T, Other, K, 'inner' | 'left'>,
  map: AnyJoinMap,
): BroadcastProcessFunction<T, Other, Out, { readonly table: MapDescriptor<K, Other> }> {
  return {
    onRecord(value, { broadcast: { table } }, out) {
      const found = table.get(key(value))
      if (found !== undefined || type === 'left') out.emit(map(value, found) as Out)
    },
    onBroadcast(value, { broadcast: { table } }) {
      if (isDeleted?.(value) === true) table.delete(by(value))
      else table.set(by(value), value)
    },
  }
}
