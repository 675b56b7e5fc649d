import { GraphError } from '../../errors.ts'
import { HashJoinOperator, type JoinOptions, SortMergeJoinOperator } from '../../operator/batch/join-operator.ts'
import { type JoinType, keepsLeft, keepsRight } from '../../operator/join/join-type.ts'
import type { Partitioning } from '../../plan/logical-graph.ts'
import type { Serde } from '../../serde/serde.ts'
import { callSite } from '../call-site.ts'
import type { DataStream } from '../data-stream.ts'
import type { OperatorSpec } from '../graph-builder.ts'
import { keyOf } from './sort-keys.ts'

export interface JoinKeys<Left, Right, K> {
  /** Key of the records of this data set: a field or a function. */
  readonly key: keyof Left | ((value: Left) => K)
  /** Key of the records of the other one. */
  readonly by: keyof Right | ((value: Right) => K)
}

/**
 * How a join is computed:
 * - `broadcast-left`, `broadcast-right`: all of that side is sent to every task and held there, the other stays where it is;
 * - `repartition-hash`: both are partitioned by key, one is held in a hash table;
 * - `repartition-sort-merge`: both are partitioned by key, sorted and merged.
 */
export type JoinStrategy = 'broadcast-left' | 'broadcast-right' | 'repartition-hash' | 'repartition-sort-merge'

export interface JoinSetOptions<Left, Right, K, Type extends JoinType = 'inner'> extends JoinKeys<Left, Right, K> {
  /** Which records without a partner are given too. @default 'inner' */
  readonly type?: Type
  /** @default by the estimated sizes */
  readonly strategy?: JoinStrategy
}

export function joinSpec<Left, Right, K, Type extends JoinType>(
  left: DataStream<Left>,
  right: DataStream<Right>,
  leftSerde: Serde<unknown>,
  rightSerde: Serde<unknown>,
  { key, by, type, strategy }: JoinSetOptions<Left, Right, K, Type>,
  map: (left: unknown, right: unknown) => unknown,
): Omit<OperatorSpec, 'bounded'> {
  const joinType: JoinType = type ?? 'inner'
  const options: JoinOptions = {
    left: { key: keyOf(key), serde: leftSerde, keeps: keepsLeft(joinType) },
    right: { key: keyOf(by), serde: rightSerde, keeps: keepsRight(joinType) },
    map,
  }
  if (strategy === 'broadcast-left' && options.left.keeps) throw refuse('left', joinType)
  if (strategy === 'broadcast-right' && options.right.keeps) throw refuse('right', joinType)
  const hash = (
    own: keyof Left | keyof Right | ((value: never) => unknown),
    value: Serde<unknown>,
    select: (value: unknown) => unknown,
  ): Partitioning => ({ kind: 'hash', key: select, ...(typeof own === 'string' ? { field: own } : {}), value })
  const forward: Partitioning = { kind: 'forward' }
  const repartitioned = [hash(key, leftSerde, options.left.key), hash(by, rightSerde, options.right.key)] as const
  const [ofLeft, ofRight] =
    strategy === 'broadcast-left'
      ? [{ kind: 'broadcast', value: leftSerde } as const, forward]
      : strategy === 'broadcast-right'
        ? [forward, { kind: 'broadcast', value: rightSerde } as const]
        : repartitioned
  const create =
    strategy === 'repartition-sort-merge'
      ? (): SortMergeJoinOperator => new SortMergeJoinOperator(options)
      : (): HashJoinOperator => new HashJoinOperator(options, strategy === 'broadcast-left' ? 'left' : 'right')
  return { type: 'join', inputs: [left.edge(ofLeft), right.edge(ofRight)], create }
}

function refuse(side: 'left' | 'right', type: JoinType): GraphError {
  return new GraphError(
    `At ${callSite()} a ${type} join broadcasts its ${side} side, whose records without a partner it gives too: every task would give them. Leave the strategy out, or broadcast the other side.`,
  )
}
