import { type EpochMeta, encodeEpochMeta, encodeOffsetMetadata } from '../checkpoint/format.ts'
import { uidOf } from '../checkpoint/path.ts'
import type { Savepoint } from '../checkpoint/savepoint.ts'
import { OptionError } from '../errors.ts'
import type { OffsetCommit } from '../log/log.ts'
import type { Region } from '../plan/job-graph.ts'
import {
  deciderOf,
  epochTopic,
  needsEpochTopic,
  sourcePartitions,
  type TaskEnvironment,
  taskId,
} from '../runtime/task-environment.ts'
import { taskOfKeyGroup } from '../state/key-group.ts'
import { changed, type SavepointChanges } from './savepoint-changes.ts'
import { shareCommittables, shareInFlight, shareOperators } from './savepoint-shares.ts'

/** The epoch that a restored task begins behind. */
const EPOCH = 1

/**
 * Gives every task of the job its share of a savepoint, at whatever parallelism the job has now. Nothing of the job may be
 * stored yet.
 *
 * @throws STATE_INCOMPATIBLE naming every difference that `changes` does not name; OPTION_INVALID when the job has state
 */
export async function restoreSavepoint(
  savepoint: Savepoint,
  changes: SavepointChanges,
  environment: TaskEnvironment,
): Promise<void> {
  const { graph } = environment
  const fitting = changed(savepoint, changes, graph)
  for (const region of graph.regions) {
    const operators = shareOperators(fitting, region)
    const inFlight = shareInFlight(fitting, region, graph)
    const committables = shareCommittables(fitting, region)
    for (let index = 0; index < region.parallelism; index++) {
      const share = {
        operators: operators[index] ?? {},
        inFlight: inFlight[index] ?? [],
        committables: committables[index] ?? {},
      }
      await restoreTask(fitting, share, region, index, environment)
    }
  }
}

async function restoreTask(
  savepoint: Savepoint,
  share: Pick<EpochMeta, 'operators' | 'inFlight' | 'committables'>,
  region: Region,
  index: number,
  environment: TaskEnvironment,
): Promise<void> {
  const { log, state, graph, group, guarantee } = environment
  const uids = new Set(region.nodes.map(({ uid }) => uid))
  const own = sourcePartitions(region, index, environment.topicPartitions)
  const partitions = savepoint.partitions.filter(({ topic, partition }) =>
    own.some((candidate) => candidate.topic === topic && candidate.partition === partition),
  )
  const decider = deciderOf(region, guarantee)
  if (region.stateful || decider === 'state') {
    const store = state.task({ job: graph.job, region: region.id, index })
    const { applied } = await store.acquire()
    if (applied !== null) {
      throw new OptionError(
        `Task ${taskId(region.id, index)} has state already (epoch ${applied.epoch}); clear the job's state before a savepoint is restored into it.`,
        { where: { job: graph.job } },
      )
    }
    const meta: EpochMeta = {
      graphHash: graph.hash,
      parallelism: region.parallelism,
      maxParallelism: graph.maxParallelism,
      partitions,
      splits: ownSplits(savepoint, uids, region.parallelism, index),
      ...share,
      catalog: savepoint.catalog.filter((entry) => uids.has(uidOf(entry.state))),
      finished: false,
    }
    const changes = savepoint.entries.filter(
      (entry) =>
        uids.has(uidOf(entry.state)) &&
        taskOfKeyGroup(entry.keyGroup, graph.maxParallelism, region.parallelism) === index,
    )
    await store.discardAbove(0)
    await store.stage({ epoch: EPOCH, meta: encodeEpochMeta(meta), changes })
    if (decider === 'state') await store.decide(EPOCH)
    await store.apply(EPOCH)
    await store.close()
  }
  if (decider === 'state') return
  const offsets: OffsetCommit[] = partitions.map(({ topic, partition, offset, watermark, end }) => ({
    topic,
    partition,
    offset,
    metadata: encodeOffsetMetadata({ epoch: EPOCH, watermark, end, finished: false }),
  }))
  // The reader of an exchange has no position yet, so the epoch is told by the start of its topic.
  for (const { topic } of region.exchangesIn) {
    const [start = 0] = await log.offsets([{ topic, partition: index }], 'latest')
    const metadata = encodeOffsetMetadata({ epoch: EPOCH, watermark: null, end: null, finished: false })
    offsets.push({ topic, partition: index, offset: start, metadata })
  }
  if (needsEpochTopic(region, guarantee)) {
    const metadata = encodeOffsetMetadata({ epoch: EPOCH, watermark: null, end: null, finished: false })
    offsets.push({ topic: epochTopic(graph.job, region), partition: index, offset: EPOCH, metadata })
  }
  const writer = log.createWriter({
    transactionalId: `${group}.${region.id}.${index}`,
    transactionTimeoutMs: environment.transactionTimeoutMs,
    maxBufferedBytes: 1 << 16,
    onAvailable: () => {},
  })
  await writer.init()
  writer.seal()
  await writer.commit(group, offsets)
  await writer.close()
}

function ownSplits(
  { splits }: Savepoint,
  uids: ReadonlySet<string>,
  parallelism: number,
  index: number,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(splits).filter(([id]) => {
      const slash = id.lastIndexOf('/')
      return uids.has(id.slice(0, slash)) && Number(id.slice(slash + 1)) % parallelism === index
    }),
  )
}
