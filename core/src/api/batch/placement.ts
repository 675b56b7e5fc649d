import { DrawOperator, IndexOperator, TaskCountOperator } from '../../operator/batch/index-operators.ts'
import { type Numbered, numberedSerde } from '../../operator/batch/numbered.ts'
import { KeySampleOperator, RangeBoundsOperator, RangeOperator } from '../../operator/batch/range-operators.ts'
import type { Operator } from '../../operator/operator.ts'
import type { LogicalEdge, Partitioning } from '../../plan/logical-graph.ts'
import { msgpack } from '../../serde/msgpack.ts'
import type { Serde } from '../../serde/serde.ts'
import type { DataStream } from '../data-stream.ts'
import type { SortOrder } from './sort-keys.ts'

const forward: Partitioning = { kind: 'forward' }
const small = msgpack<unknown>()
const toAll: Partitioning = { kind: 'broadcast', value: small }

/** Records at the tasks of their ranges: keys are sampled at every task, bounds are computed at one and sent to all. */
export function rangePartitioned<T>(
  stream: DataStream<T>,
  serde: Serde<T>,
  { key, compareKeys }: SortOrder,
): DataStream<T> {
  const untyped = serde as Serde<unknown>
  const keys = bounded<T, unknown>(
    stream,
    'sample-keys',
    [stream.edge(forward)],
    () => new KeySampleOperator(key) as Operator,
  )
  const bounds = bounded<T, unknown>(
    stream,
    'range-bounds',
    [keys.edge({ kind: 'global', value: small })],
    () => new RangeBoundsOperator(compareKeys) as Operator,
  )
  const placed = bounded<T, Numbered<T>>(
    stream,
    'find-range',
    [stream.edge(forward), bounds.edge(toAll)],
    () => new RangeOperator(key, compareKeys, untyped) as Operator,
  )
  return placed.partitionBy(([range]) => range, { serde: numberedSerde(serde) }).map(([, value]) => value)
}

/** Records with their numbers: those of each task are counted first, and the counts sent to all. */
export function indexed<T>(stream: DataStream<T>, serde: Serde<T>): DataStream<Numbered<T>> {
  return bounded<T, Numbered<T>>(
    stream,
    'zip-with-index',
    [stream.edge(forward), counted(stream)],
    () => new IndexOperator(serde as Serde<unknown>) as Operator,
  )
}

/** So many records, each drawn from all of them: every task knows how many there are, and hence which numbers are drawn. */
export function drawn<T>(stream: DataStream<T>, serde: Serde<T>, draws: number, seed: number): DataStream<T> {
  return bounded<T, T>(
    stream,
    'draw',
    [stream.edge(forward), counted(stream)],
    () => new DrawOperator(serde as Serde<unknown>, draws, seed) as Operator,
  )
}

/** How many records each task has, at every task. */
function counted<T>(stream: DataStream<T>): LogicalEdge {
  const create = (): Operator => new TaskCountOperator() as Operator
  return bounded<T, unknown>(stream, 'count-tasks', [stream.edge(forward)], create).edge(toAll)
}

function bounded<In, Out>(
  stream: DataStream<In>,
  type: string,
  inputs: readonly LogicalEdge[],
  create: () => Operator,
): DataStream<Out> {
  return stream.withOperator<Out>({ type, inputs, create, stateful: true, bounded: true })
}
