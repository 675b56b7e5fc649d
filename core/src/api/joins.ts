import { asOfJoin, latestJoin } from '../operator/join/as-of-join.ts'
import { intervalJoin } from '../operator/join/interval-join.ts'
import type { AnyJoinMap, JoinType } from '../operator/join/join-type.ts'
import { regularJoin } from '../operator/join/regular-join.ts'
import type { OutputTag } from '../operator/output-tag.ts'
import type { KeyedCoProcessFunction } from '../operator/process-function.ts'
import { msgpack } from '../serde/msgpack.ts'
import type { Serde } from '../serde/serde.ts'
import { listState, type StateDescriptors } from '../state/keyed/descriptor.ts'
import type { StateTtl } from '../state/keyed/ttl.ts'
import { type Duration, durationMs } from '../time/duration.ts'
import { type SignedDuration, signedDurationMs } from '../time/signed-duration.ts'
import { refuse } from './window-checks.ts'

/** How waiting records are stored. */
export interface JoinSerdes<Left, Right> {
  /** @default msgpack() */
  readonly left?: Serde<Left>
  /** @default msgpack() */
  readonly right?: Serde<Right>
}

export interface IntervalJoinOptions<Left, Right, Type extends JoinType = 'inner'> {
  /** A right record belongs to a left one when its time is at least this much after the left one's; negative for before. */
  readonly lower: SignedDuration
  /** … and at most this much. */
  readonly upper: SignedDuration
  /** Leaves out the bounds themselves. @default 'none' */
  readonly exclusive?: 'none' | 'lower' | 'upper' | 'both'
  /** @default 'inner' */
  readonly type?: Type
  /** Where records go that come behind the watermark; they are dropped without it. */
  readonly lateLeft?: OutputTag<Left>
  readonly lateRight?: OutputTag<Right>
  readonly serdes?: JoinSerdes<Left, Right>
}

export interface AsOfJoinOptions<Left, Right, Type extends 'inner' | 'left' = 'inner'> {
  /**
   * `event`: the version at the left record's event time, whatever came first. `processing`: the newest one that has come.
   * @default 'event'
   */
  readonly time?: 'event' | 'processing'
  /** @default 'inner' */
  readonly type?: Type
  /** Says of a version that the key has none from then on. */
  readonly isDeleted?: (version: Right) => boolean
  /** Versions count only up to this age; in event time. @default any age */
  readonly tolerance?: Duration
  /** Where left records go that come behind the watermark, in event time; they are dropped without it. */
  readonly late?: OutputTag<Left>
  readonly serdes?: JoinSerdes<Left, Right>
}

export interface RegularJoinOptions<Left, Right> {
  /** How long a record waits for partners. @default for ever */
  readonly ttl?: StateTtl
  readonly serdes?: JoinSerdes<Left, Right>
}

type CoFunction<Left, Right, Out> = KeyedCoProcessFunction<unknown, Left, Right, Out, StateDescriptors>

function serdesOf<Left, Right>(serdes: JoinSerdes<Left, Right> = {}): { left: Serde<unknown>; right: Serde<unknown> } {
  const { left = msgpack<Left>(), right = msgpack<Right>() } = serdes
  return { left: left as Serde<unknown>, right: right as Serde<unknown> }
}

/** @throws GRAPH_INVALID for bounds that nothing lies between */
export function intervalJoinFunction<Left, Right, Out>(
  options: IntervalJoinOptions<Left, Right, JoinType>,
  map: AnyJoinMap,
): CoFunction<Left, Right, Out> {
  const { lower, upper, exclusive = 'none', type = 'inner', lateLeft = null, lateRight = null, serdes } = options
  // Times are whole milliseconds.
  const lowerMs = signedDurationMs(lower) + (exclusive === 'lower' || exclusive === 'both' ? 1 : 0)
  const upperMs = signedDurationMs(upper) - (exclusive === 'upper' || exclusive === 'both' ? 1 : 0)
  if (lowerMs > upperMs) {
    throw refuse(
      'intervalJoin',
      `no time lies between the bounds ${JSON.stringify(lower)} and ${JSON.stringify(upper)} (exclusive: ${exclusive})`,
    )
  }
  const join = intervalJoin({
    lowerMs,
    upperMs,
    type,
    map,
    ...serdesOf(serdes),
    lateLeft: lateLeft as OutputTag<unknown> | null,
    lateRight: lateRight as OutputTag<unknown> | null,
  })
  return join as unknown as CoFunction<Left, Right, Out>
}

export function asOfJoinFunction<Left, Right, Out>(
  options: AsOfJoinOptions<Left, Right, 'inner' | 'left'>,
  map: AnyJoinMap,
): CoFunction<Left, Right, Out> {
  const { time = 'event', type = 'inner', isDeleted, tolerance, late, serdes } = options
  const common = {
    keepsUnmatched: type === 'left',
    map,
    isDeleted: (isDeleted ?? null) as ((version: unknown) => boolean) | null,
    ...serdesOf(serdes),
  }
  if (time === 'processing') {
    if (tolerance !== undefined || late !== undefined) {
      throw refuse('asOfJoin', 'tolerance and late go by event time, and this join by processing time')
    }
    return latestJoin(common) as unknown as CoFunction<Left, Right, Out>
  }
  const toleranceMs = tolerance === undefined ? Number.POSITIVE_INFINITY : durationMs(tolerance)
  return asOfJoin({
    ...common,
    toleranceMs,
    late: (late ?? null) as OutputTag<unknown> | null,
  }) as unknown as CoFunction<Left, Right, Out>
}

export function regularJoinFunction<Left, Right, Out>(
  { serdes, ttl }: RegularJoinOptions<Left, Right>,
  map: AnyJoinMap,
): CoFunction<Left, Right, Out> {
  const { left, right } = serdesOf(serdes)
  const expiring = ttl === undefined ? {} : { ttl }
  const state = { lefts: listState({ serde: left, ...expiring }), rights: listState({ serde: right, ...expiring }) }
  return regularJoin(map, state) as unknown as CoFunction<Left, Right, Out>
}
