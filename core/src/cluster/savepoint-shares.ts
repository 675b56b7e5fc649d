import type { InFlight, InFlightRecord } from '../checkpoint/format.ts'
import type { Savepoint } from '../checkpoint/savepoint.ts'
import { StateIncompatibleError } from '../errors.ts'
import { type OperatorState, redistribute } from '../operator/operator-state.ts'
import { exchangeSerde } from '../plan/compile.ts'
import type { JobGraph, Region } from '../plan/job-graph.ts'
import type { Partitioning } from '../plan/logical-graph.ts'
import { keyBytes } from '../serde/key-codec.ts'
import { keyGroupOf, taskOfKeyGroup } from '../state/key-group.ts'

/** The own state of the operators of a region, for each of its tasks. With the same number of tasks each keeps its own. */
export function shareOperators(
  { operators }: Savepoint,
  { nodes, parallelism }: Region,
): Record<string, OperatorState>[] {
  const shares = Array.from({ length: parallelism }, (): Record<string, OperatorState> => ({}))
  for (const { uid } of nodes) {
    const states = operators[uid] ?? []
    if (states.length === 0) continue
    const dealt = states.length === parallelism ? states : redistribute(states, parallelism)
    dealt.forEach((state, index) => {
      ;(shares[index] as Record<string, OperatorState>)[uid] = state
    })
  }
  return shares
}

/** What the sinks of a region are to publish, for each of its tasks. Any task can publish what another one has made ready. */
export function shareCommittables(
  { committables }: Savepoint,
  { nodes, parallelism }: Region,
): Record<string, unknown[]>[] {
  const shares = Array.from({ length: parallelism }, (): Record<string, unknown[]> => ({}))
  const uids = new Set(nodes.map(({ uid }) => uid))
  for (const { uid, index, list } of committables) {
    if (!uids.has(uid)) continue
    const share = shares[index % parallelism] as Record<string, unknown[]>
    share[uid] = [...(share[uid] ?? []), ...list]
  }
  return shares
}

/**
 * The records on their way to a region, for each of its tasks.
 *
 * @throws STATE_INCOMPATIBLE where tasks are at different places of a broadcast stream, and their number changes
 */
export function shareInFlight({ inFlight }: Savepoint, { nodes, parallelism }: Region, graph: JobGraph): InFlight[][] {
  const shares = Array.from({ length: parallelism }, (): InFlight[] => [])
  for (const { uid, node } of nodes) {
    node.inputs.forEach(({ partitioning }, input) => {
      const lists = inFlight.filter((own) => own.uid === uid && own.input === input)
      if (lists.every(({ records }) => records.length === 0)) return
      const dealt = deal(lists, partitioning, parallelism, graph, uid)
      dealt.forEach((records, index) => {
        if (records.length > 0) shares[index]?.push({ uid, input, records })
      })
    })
  }
  return shares
}

function deal(
  lists: Savepoint['inFlight'],
  partitioning: Partitioning,
  parallelism: number,
  { job, maxParallelism }: JobGraph,
  uid: string,
): (readonly InFlightRecord[])[] {
  const shares = Array.from({ length: parallelism }, (): InFlightRecord[] => [])
  const tasks = new Set(lists.map(({ index }) => index)).size
  if (partitioning.kind === 'broadcast' && tasks !== parallelism) {
    const [first] = lists.map(({ records }) => records)
    if (first === undefined || lists.some(({ records }) => !areSame(records, first))) {
      const difference = `what is broadcast to ${uid} has come to some of its tasks and not to others`
      throw new StateIncompatibleError(
        `The savepoint cannot be restored with another parallelism: ${difference}. Take it when nothing more is broadcast, or restore it with ${tasks} tasks.`,
        [difference],
        { where: { job, operator: uid } },
      )
    }
    return shares.map(() => first)
  }
  const serde = exchangeSerde(partitioning)
  let next = 0
  for (const { index, records } of lists) {
    for (const record of records) shares[target(record, index)]?.push(record)
  }
  return shares

  function target({ value }: InFlightRecord, index: number): number {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.length)
    switch (partitioning.kind) {
      case 'hash':
      case 'prepartitioned':
      case 'colocated': {
        const key = keyBytes(partitioning.key(serde.decode(bytes, 0, bytes.length)))
        return taskOfKeyGroup(keyGroupOf(key, 0, key.length, maxParallelism), maxParallelism, parallelism)
      }
      case 'custom':
        return partitioning.select(serde.decode(bytes, 0, bytes.length), parallelism)
      case 'global':
        return 0
      case 'rebalance':
      case 'shuffle':
        return next++ % parallelism
      default:
        return index % parallelism
    }
  }
}

function areSame(a: readonly InFlightRecord[], b: readonly InFlightRecord[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ value, timestamp }, at) => {
      const other = b[at] as InFlightRecord
      return timestamp === other.timestamp && Buffer.compare(value, other.value) === 0
    })
  )
}
