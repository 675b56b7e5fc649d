import type { Decider } from '../checkpoint/commit.ts'
import {
  decodeEpochMeta,
  decodeOffsetMetadata,
  type EpochMeta,
  type OffsetMetadata,
  type PartitionPosition,
} from '../checkpoint/format.ts'
import { planTakeOver, type TakeOverPlan } from '../checkpoint/take-over.ts'
import { FencedError, OffsetsLostError } from '../errors.ts'
import type { CommittedOffset, LogWriter, TopicPartition } from '../log/log.ts'
import type { Region } from '../plan/job-graph.ts'
import type { TopicSourceSpec } from '../plan/logical-graph.ts'
import type { Acquired, TaskStore } from '../state/backend.ts'
import {
  deciderOf,
  epochTopic,
  inputPartitions,
  needsEpochTopic,
  outputTopics,
  type TaskEnvironment,
  taskId,
  writesLog,
} from './task-environment.ts'

/** What a task starts from, once it is the only one that can change anything. */
export interface TakenOver {
  readonly decider: Decider
  readonly writer: LogWriter | null
  readonly store: TaskStore | null
  /** The last true epoch; 0 before the first. */
  readonly epoch: number
  /** Everything else of that epoch, where the backend keeps it. */
  readonly meta: EpochMeta | null
  readonly partitions: readonly PartitionPosition[]
  readonly finished: boolean
}

/**
 * Takes a task over from whoever had it. The order is what makes it safe: first the former owner's state writes are
 * fenced, then its transaction is ended, and only then is read how far it came.
 */
export async function takeOver(
  region: Region,
  index: number,
  environment: TaskEnvironment,
  onAvailable: () => void,
): Promise<TakenOver> {
  const { log, state, graph, guarantee, group } = environment
  const decider = deciderOf(region, guarantee)
  // A region whose decision lies in the backend needs it even when nothing in it is stateful.
  const store = region.stateful || decider === 'state' ? state.task({ job: graph.job, region: region.id, index }) : null
  let acquired = store === null ? null : await store.acquire()
  const writer =
    decider === 'log' || writesLog(region)
      ? log.createWriter({
          transactionalId: guarantee === 'exactly-once' ? `${group}.${region.id}.${index}` : null,
          transactionTimeoutMs: environment.transactionTimeoutMs,
          maxBufferedBytes: environment.maxBufferedOutputBytes,
          onAvailable,
        })
      : null
  const committedOffsets = (partitions: readonly TopicPartition[]): Promise<(CommittedOffset | null)[]> =>
    writer === null ? log.committed(group, partitions) : writer.committed(group, partitions, outputTopics(region))
  try {
    await writer?.init()
    const inputs = inputPartitions(region, index, environment.topicPartitions)
    const marker = needsEpochTopic(region, guarantee)
      ? [{ topic: epochTopic(graph.job, region), partition: index }]
      : []
    const committed = decider === 'state' ? [] : await committedOffsets([...inputs, ...marker])
    const metadata = committed.map((entry) => (entry === null ? null : decodeOffsetMetadata(entry.metadata)))
    const plan = await planned(decider, committed, metadata, acquired).catch(async (error: unknown) => {
      // Whoever took the task over meanwhile has committed more than was applied then: nothing is lost.
      await store?.discardAbove(Number.MAX_SAFE_INTEGER)
      throw error
    })
    if (store !== null) {
      if (plan.apply !== null) {
        await store.apply(plan.apply)
        acquired = await store.acquire()
        if (acquired.applied?.epoch !== plan.apply) throw overtaken(region, index, graph.job)
      }
      await store.discardAbove(plan.epoch)
    }
    const meta = acquired?.applied == null ? null : decodeEpochMeta(acquired.applied.meta)
    return {
      decider,
      writer,
      store,
      epoch: plan.epoch,
      meta,
      partitions: await positions(region, inputs, plan, committed, metadata, meta, environment),
      finished: meta?.finished ?? metadata.some((entry) => entry?.finished === true),
    }
  } catch (error) {
    await writer?.close()
    await store?.close()
    throw error
  }
}

/** Between two steps of a take-over another worker has done all of them, and gone on. */
function overtaken(region: Region, index: number, job: string): FencedError {
  return new FencedError('another worker has taken the task over', { where: describeTask(region, index, job) })
}

async function planned(
  decider: Decider,
  committed: readonly (CommittedOffset | null)[],
  metadata: readonly (OffsetMetadata | null)[],
  acquired: Acquired | null,
): Promise<TakeOverPlan> {
  const epochs = metadata.flatMap((entry) => (entry === null ? [] : [entry.epoch]))
  const committedEpoch = epochs.length === 0 ? null : Math.max(...epochs)
  if (acquired === null) return { epoch: committedEpoch ?? 0, apply: null, positions: 'log' }
  return planTakeOver({
    decider: decider === 'state' ? 'state' : 'log',
    committed: committedEpoch,
    foreignOffsets: committed.some((entry, at) => entry !== null && metadata[at] === null),
    applied: acquired.applied?.epoch ?? null,
    decided: acquired.decided,
    staged: acquired.staged,
  })
}

async function positions(
  region: Region,
  inputs: readonly TopicPartition[],
  plan: TakeOverPlan,
  committed: readonly (CommittedOffset | null)[],
  metadata: readonly (OffsetMetadata | null)[],
  meta: EpochMeta | null,
  environment: TaskEnvironment,
): Promise<PartitionPosition[]> {
  if (plan.positions === 'log' && meta !== null) checkOffsetsMatch(inputs, committed, meta)
  const stored = new Map(meta?.partitions.map((entry) => [`${entry.topic}/${entry.partition}`, entry]))
  const begun = new Set([
    ...inputs.filter((_, at) => committed[at] != null).map(({ topic }) => topic),
    ...(meta?.partitions ?? []).map(({ topic }) => topic),
  ])
  return Promise.all(
    inputs.map(async ({ topic, partition }, at): Promise<PartitionPosition> => {
      const entry = plan.positions === 'state' ? stored.get(`${topic}/${partition}`) : undefined
      if (entry !== undefined) return entry
      const known = plan.positions === 'state' ? null : (committed[at] ?? null)
      const spec = sourceSpec(region, topic)
      const watermark = metadata[at]?.watermark ?? null
      const end = metadata[at]?.end ?? (spec?.bounded ? await offsetAt(environment, topic, partition, 'latest') : null)
      // A partition that came after others of its topic had been read is new: all of it counts.
      const start = begun.has(topic) ? 'earliest' : (spec?.start ?? 'earliest')
      const offset = known?.offset ?? (await offsetAt(environment, topic, partition, start))
      return { topic, partition, offset, watermark, end }
    }),
  )
}

/** The offsets were committed with the state's epoch, so any that differs was set by someone else. @throws OFFSETS_LOST */
function checkOffsetsMatch(
  inputs: readonly TopicPartition[],
  committed: readonly (CommittedOffset | null)[],
  meta: EpochMeta,
): void {
  for (const { topic, partition, offset } of meta.partitions) {
    const at = inputs.findIndex((input) => input.topic === topic && input.partition === partition)
    const found = committed[at] ?? null
    if (at < 0 || found?.offset === offset) continue
    throw new OffsetsLostError(
      `The state goes with offset ${offset} of this partition, but the group has ${found === null ? 'none' : `offset ${found.offset}`} committed: ` +
        'it was changed by another tool. Set it back, or clear the state of the job to start anew.',
      { where: { topic, partition, ...(found === null ? {} : { offset: found.offset }) } },
    )
  }
}

function sourceSpec(region: Region, topic: string): TopicSourceSpec | null {
  for (const { node } of region.nodes) {
    if (node.kind === 'source' && node.source.kind === 'topic' && node.source.topic === topic) return node.source
  }
  return null
}

async function offsetAt(
  { log }: TaskEnvironment,
  topic: string,
  partition: number,
  at: 'earliest' | 'latest' | number,
): Promise<number> {
  const [offset] = await log.offsets([{ topic, partition }], at)
  return offset as number
}

export function describeTask(region: Region, index: number, job: string): { job: string; task: string } {
  return { job, task: taskId(region.id, index) }
}
