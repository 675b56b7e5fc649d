import type { InFlightRecord, PartitionPosition } from '../checkpoint/format.ts'
import type { Savepoint } from '../checkpoint/savepoint.ts'
import { FencedError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import type { OperatorState } from '../operator/operator-state.ts'
import type { JobGraph, Region } from '../plan/job-graph.ts'
import { catalogOf } from '../runtime/catalog.ts'
import { FRAME_RECORD, RECORD_HEADER_BYTES } from '../runtime/exchange-frame.ts'
import { inputPartitions, type TaskEnvironment, taskId } from '../runtime/task-environment.ts'
import { type TakenOver, takeOver } from '../runtime/task-take-over.ts'
import type { StateEntry } from '../state/backend.ts'
import { refuseRounds } from './savepoint-loops.ts'

interface TakenTask {
  readonly region: Region
  readonly index: number
  readonly taken: TakenOver
}

/**
 * Reads what a job has committed, over all its tasks, with the records on their way between them. It takes every task over
 * first, so that nothing moves meanwhile, and makes sure at the end that nobody has taken one back.
 *
 * @throws LOOP_RUNNING while a loop goes in rounds, FENCED when a worker of the job has gone on with a task meanwhile
 */
export async function readSavepoint(environment: TaskEnvironment): Promise<Savepoint> {
  const { graph } = environment
  const tasks: TakenTask[] = []
  try {
    for (const region of graph.regions) {
      for (let index = 0; index < region.parallelism; index++) {
        tasks.push({ region, index, taken: await takeOver(region, index, environment, () => {}) })
      }
    }
    const savepoint = await read(tasks, environment)
    for (const task of tasks) await checkStillOurs(task, environment)
    return savepoint
  } finally {
    for (const { taken } of tasks) {
      await taken.writer?.close()
      await taken.store?.close()
    }
  }
}

async function read(tasks: readonly TakenTask[], { graph, log }: TaskEnvironment): Promise<Savepoint> {
  const partitions: PartitionPosition[] = []
  const splits: Record<string, unknown> = {}
  const catalog = new Map(catalogOf(graph).map((entry) => [entry.state, entry]))
  const entries: StateEntry[] = []
  const operators = statefulOperators(graph)
  const inFlight: Savepoint['inFlight'][number][] = []
  const committables: Savepoint['committables'][number][] = []
  for (const { region, index, taken } of tasks) {
    if (taken.meta !== null) refuseRounds(graph.job, region, taken.meta)
    for (const position of taken.partitions) {
      const exchange = region.exchangesIn.find(({ topic }) => topic === position.topic)
      if (exchange === undefined) partitions.push(position)
      else {
        const { toUid, toInput } = exchange
        inFlight.push({ uid: toUid, input: toInput, index, records: await recordsBehind(log, position) })
      }
    }
    // What an earlier savepoint brought, and no epoch has taken up yet.
    for (const waiting of taken.meta?.inFlight ?? []) inFlight.unshift({ ...waiting, index })
    Object.assign(splits, taken.meta?.splits)
    for (const entry of taken.meta?.catalog ?? []) catalog.set(entry.state, entry)
    for (const [uid, list] of Object.entries(taken.meta?.committables ?? {})) {
      if (list.length > 0) committables.push({ uid, index, list })
    }
    for (const [uid, states] of Object.entries(operators)) {
      const state = taken.meta?.operators[uid] as OperatorState | undefined
      if (state !== undefined) states.push(state)
    }
    if (taken.meta === null || taken.store === null) continue
    for await (const batch of taken.store.load()) entries.push(...batch)
  }
  const { job, maxParallelism } = graph
  const own = { partitions, splits, catalog: [...catalog.values()], entries, operators, inFlight, committables }
  return { job, maxParallelism, ...own }
}

function statefulOperators({ regions }: JobGraph): Record<string, OperatorState[]> {
  const nodes = regions.flatMap((region) => region.nodes)
  return Object.fromEntries(
    nodes.flatMap(({ uid, node }) => (node.kind === 'operator' && node.stateful ? [[uid, []]] : [])),
  )
}

/** The committed records of a repartition topic behind a position. Control frames are told anew by whoever goes on. */
async function recordsBehind(log: Log, { topic, partition, offset }: PartitionPosition): Promise<InFlightRecord[]> {
  const records: InFlightRecord[] = []
  const [end = 0] = await log.offsets([{ topic, partition }], 'latest')
  if (offset >= end) return records
  let wake = (): void => {}
  const reader = log.createReader({ maxBufferedBytes: 1 << 20, onAvailable: () => wake() })
  try {
    reader.add([{ topic, partition, offset }])
    for (let next = offset; next < end; ) {
      const available = new Promise<void>((resolve) => {
        wake = resolve
      })
      const batch = reader.take()
      if (batch === undefined) {
        await available
        continue
      }
      const { buffer, valueStarts, valueEnds } = batch
      for (let at = 0; at < batch.count; at++) {
        const start = valueStarts[at] as number
        if (buffer[start] !== FRAME_RECORD) continue
        const value = Buffer.from(buffer.subarray(start + RECORD_HEADER_BYTES, valueEnds[at]))
        records.push({ value, timestamp: buffer.readDoubleBE(start + 1) })
      }
      next = batch.nextOffset
    }
    return records
  } finally {
    await reader.close()
  }
}

async function checkStillOurs({ region, index, taken }: TakenTask, environment: TaskEnvironment): Promise<void> {
  const { log, group, graph, topicPartitions } = environment
  // Fenced as every write, and changes nothing.
  await taken.store?.discardAbove(taken.epoch)
  if (taken.decider === 'state') return
  const committed = await log.committed(group, inputPartitions(region, index, topicPartitions))
  const isMoved = committed.some((found, at) => found !== null && found.offset !== taken.partitions[at]?.offset)
  if (!isMoved) return
  throw new FencedError(
    'A worker of the job went on with the task while the savepoint was being written; stop the job first, or give its workers a longer sessionTimeout',
    { where: { job: graph.job, task: taskId(region.id, index) } },
  )
}
