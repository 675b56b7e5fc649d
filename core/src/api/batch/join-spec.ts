import { GraphError } from '../../errors.ts'
import { HashJoinOperator, type JoinOptions, SortMergeJoinOperator } from '../../operator/batch/join-operator.ts'
import { type JoinType, keepsLeft, keepsRight } from '../../operator/join/join-type.ts'
import type { Partitioning, Strategy } from '../../plan/logical-graph.ts'
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
  const both = [hash(key, leftSerde, options.left.key), hash(by, rightSerde, options.right.key)]
  const holding = (side: 'left' | 'right') => (): HashJoinOperator => new HashJoinOperator(options, side)
  const all: readonly (Strategy & { readonly isPossible: boolean })[] = [
    {
      name: 'repartition-hash',
      partitionings: both,
      create: holding('right'),
      broadcasts: null,
      holds: 1,
      isPossible: true,
    },
    {
      name: 'repartition-hash',
      partitionings: both,
      create: holding('left'),
      broadcasts: null,
      holds: 0,
      isPossible: true,
    },
    {
      name: 'broadcast-right',
      partitionings: [forward, { kind: 'broadcast', value: rightSerde }],
      create: holding('right'),
      broadcasts: 1,
      holds: 1,
      isPossible: !options.right.keeps,
    },
    {
      name: 'broadcast-left',
      partitionings: [{ kind: 'broadcast', value: leftSerde }, forward],
      create: holding('left'),
      broadcasts: 0,
      holds: 0,
      isPossible: !options.left.keeps,
    },
    {
      name: 'repartition-sort-merge',
      partitionings: both,
      create: () => new SortMergeJoinOperator(options),
      broadcasts: null,
      holds: null,
      // Hashing reads every record once and holds one side only; this is for those who ask for it.
      isPossible: strategy !== undefined,
    },
  ]
  const strategies = all.filter(({ name, isPossible }) => isPossible && (strategy === undefined || name === strategy))
  const { partitionings, create } = strategies[0] as Strategy
  return {
    type: 'join',
    inputs: [left.edge(partitionings[0] ?? forward), right.edge(partitionings[1] ?? forward)],
    create,
    traits: { strategies },
  }
}

function refuse(side: 'left' | 'right', type: JoinType): GraphError {
  return new GraphError(
    `At ${callSite()} a ${type} join broadcasts its ${side} side, whose records without a partner it gives too: every task would give them. Leave the strategy out, or broadcast the other side.`,
  )
}
