import type { Decider } from '../checkpoint/commit.ts'
import type { Log, OffsetCommit, TopicPartition } from '../log/log.ts'
import type { Logger } from '../metrics/logger.ts'
import type { MetricGroup } from '../metrics/registry.ts'
import type { MemoryLimits } from '../operator/batch/memory/task-memory.ts'
import type { JobGraph, Region } from '../plan/job-graph.ts'
import type { StateBackend } from '../state/backend.ts'
import type { Clock } from '../time/clock.ts'
import type { BackPressureOptions } from './back-pressure.ts'
import type { SourceAlignment } from './source-alignment.ts'
import type { SourcePace } from './source-pace.ts'

export type Guarantee = 'exactly-once' | 'at-least-once'

/** What all tasks of a worker share. */
export interface TaskEnvironment {
  readonly graph: JobGraph
  /** Number of partitions of every topic that the job reads. */
  readonly topicPartitions: ReadonlyMap<string, number>
  readonly log: Log
  readonly state: StateBackend
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: MetricGroup
  /** Consumer group; also the prefix of transactional ids. */
  readonly group: string
  readonly guarantee: Guarantee
  readonly epochIntervalMs: number
  /** While a source in front of the task is behind; null for the same. */
  readonly backlogEpochIntervalMs: number | null
  readonly transactionTimeoutMs: number
  readonly maxBufferedInputBytes: number
  readonly maxBufferedOutputBytes: number
  /** Keys that each keyed function of a task holds on the heap; null for all. */
  readonly stateCacheKeys: number | null
  /** Of the sorts, joins and groupings of each task. */
  readonly memory: MemoryLimits
  readonly backPressure: BackPressureOptions
  /** Sources of these tasks that keep in step in event time. */
  readonly alignment: SourceAlignment
  /** How far the tasks of this process have come in reading. */
  readonly pace: SourcePace
  /** Commits offsets as a member of the group, outside any transaction. */
  readonly commitOffsets: (offsets: readonly OffsetCommit[]) => Promise<void>
}

/** `<region>/<index>`: stable over versions of a job that keep their uids. */
export function taskId(region: string, index: number): string {
  return `${region}/${index}`
}

/** The parts of a task's id. */
export function parseTaskId(id: string): { region: string; index: number } {
  const slash = id.lastIndexOf('/')
  return { region: id.slice(0, slash), index: Number(id.slice(slash + 1)) }
}

/** A partition of a user's topic and the source that reads it. */
export interface SourcePartition extends TopicPartition {
  readonly uid: string
}

/** Partition p of a source topic belongs to task `p % parallelism`. */
export function sourcePartitions(
  region: Region,
  index: number,
  topicPartitions: ReadonlyMap<string, number>,
): SourcePartition[] {
  const owned: SourcePartition[] = []
  for (const { uid, node } of region.nodes) {
    if (node.kind !== 'source' || node.source.kind !== 'topic') continue
    const partitions = topicPartitions.get(node.source.topic) ?? 0
    for (let partition = index; partition < partitions; partition += region.parallelism) {
      owned.push({ uid, topic: node.source.topic, partition })
    }
  }
  return owned
}

/** Every log partition that a task reads. */
export function inputPartitions(
  region: Region,
  index: number,
  topicPartitions: ReadonlyMap<string, number>,
): TopicPartition[] {
  return [
    ...sourcePartitions(region, index, topicPartitions).map(({ topic, partition }) => ({ topic, partition })),
    ...region.exchangesIn.map(({ topic }) => ({ topic, partition: index })),
  ]
}

/** The topic whose committed offsets carry the epochs of a region that writes to the log but reads nothing from it. */
export function epochTopic(job: string, region: Region): string {
  return `${job}.${region.id}.epochs`
}

export function readsLog(region: Region): boolean {
  return (
    region.exchangesIn.length > 0 ||
    region.nodes.some(({ node }) => node.kind === 'source' && node.source.kind === 'topic')
  )
}

/** The topics that the region writes. */
export function outputTopics(region: Region): string[] {
  const topics = new Set(region.exchangesOut.map(({ topic }) => topic))
  for (const { node } of region.nodes) {
    if (node.kind === 'sink' && node.sink.kind === 'topic') topics.add(node.sink.topic)
    if (node.kind !== 'source' || node.source.kind !== 'topic') continue
    if (typeof node.source.onDecodeFailure === 'object') topics.add(node.source.onDecodeFailure.deadLetterTopic)
  }
  return [...topics]
}

export function writesLog(region: Region): boolean {
  return outputTopics(region).length > 0
}

/** Who makes an epoch of the region true. */
export function deciderOf(region: Region, guarantee: Guarantee): Decider {
  if (guarantee === 'exactly-once' && (readsLog(region) || writesLog(region))) return 'log'
  return region.stateful || !readsLog(region) ? 'state' : 'offsets'
}

export function needsEpochTopic(region: Region, guarantee: Guarantee): boolean {
  return deciderOf(region, guarantee) === 'log' && !readsLog(region)
}
