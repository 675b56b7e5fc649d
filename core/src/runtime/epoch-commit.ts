import { type EpochMeta, encodeEpochMeta, encodeOffsetMetadata, type PartitionPosition } from '../checkpoint/format.ts'
import type { OffsetCommit } from '../log/log.ts'
import type { Region } from '../plan/job-graph.ts'
import type { StateDelta } from '../state/backend.ts'
import { epochTopic, needsEpochTopic, type TaskEnvironment } from './task-environment.ts'

/** What the sinks publish with an epoch, by uid. */
export async function resolveCommittables(
  pending: readonly { readonly uid: string; readonly list: Promise<readonly unknown[]> }[],
): Promise<Record<string, readonly unknown[]>> {
  const resolved: Record<string, readonly unknown[]> = {}
  for (const { uid, list } of pending) resolved[uid] = await list
  return resolved
}

/** An epoch as the state backend takes it. */
export function delta(epoch: number, meta: EpochMeta, changes: StateDelta['changes']): StateDelta {
  return { epoch, meta: encodeEpochMeta(meta), changes }
}

/** The offsets that a task commits with an epoch. */
export function offsetCommits(
  region: Region,
  index: number,
  { guarantee, graph }: TaskEnvironment,
  of: { readonly epoch: number; readonly partitions: readonly PartitionPosition[]; readonly finished: boolean },
): OffsetCommit[] {
  const { epoch, partitions, finished } = of
  const offsets = partitions.map(({ topic, partition, offset, watermark, end }) => ({
    topic,
    partition,
    offset,
    metadata: encodeOffsetMetadata({ epoch, watermark, end, finished }),
  }))
  if (needsEpochTopic(region, guarantee)) {
    const metadata = encodeOffsetMetadata({ epoch, watermark: null, end: null, finished })
    offsets.push({ topic: epochTopic(graph.job, region), partition: index, offset: epoch, metadata })
  }
  return offsets
}
