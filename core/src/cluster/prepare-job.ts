import { OptionError, StreamError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import type { MetricGroup } from '../metrics/registry.ts'
import { compile } from '../plan/compile.ts'
import type { JobGraph } from '../plan/job-graph.ts'
import type { LogicalGraph } from '../plan/logical-graph.ts'
import { SourceAlignment } from '../runtime/source-alignment.ts'
import { SourcePace } from '../runtime/source-pace.ts'
import type { TaskEnvironment } from '../runtime/task-environment.ts'
import type { StateBackend } from '../state/backend.ts'
import type { JobSettings } from './job-settings.ts'
import { createJobTopics, readTopicPartitions } from './job-topics.ts'

/** What a run connects to and runs, once the servers have answered. */
export interface PreparedJob {
  readonly log: Log
  readonly state: StateBackend
  readonly graph: JobGraph
  readonly topicPartitions: ReadonlyMap<string, number>
  /** Shared by all workers of the process. */
  readonly pace: SourcePace
  /** Closes what the run itself opened; logs and backends that the caller gave stay open. */
  close(): Promise<void>
}

/** Connects, looks at the topics, plans, and creates the topics that the job owns. A thread is given the memory of its process' pace. */
export async function prepareJob(
  logical: LogicalGraph,
  settings: JobSettings,
  paceMemory?: SharedArrayBuffer,
): Promise<PreparedJob> {
  const { clock, logger } = settings
  const log = 'create' in settings.log ? settings.log.create({ clock, logger }) : settings.log
  const state = 'create' in settings.state ? settings.state.create({ clock, logger }) : settings.state
  const close = async (): Promise<void> => {
    if ('create' in settings.log) await log.close()
    if ('create' in settings.state) await state.close()
  }
  try {
    await Promise.all([log.connect(), state.connect()])
    const topicPartitions = await readTopicPartitions(log, logical)
    const graph = compile(logical, {
      parallelism: resolveParallelism(settings.parallelism, topicPartitions),
      maxParallelism: settings.maxParallelism,
      topicPartitions,
      withoutRules: settings.withoutRules,
    })
    checkDurability(graph, log, state, settings)
    await createJobTopics(log, graph, settings.guarantee)
    return { log, state, graph, topicPartitions, pace: new SourcePace(graph.regions, paceMemory), close }
  } catch (error) {
    await close()
    throw StreamError.is(error) ? error.locate({ job: logical.job }) : error
  }
}

function resolveParallelism(parallelism: number | 'partitions', topicPartitions: ReadonlyMap<string, number>): number {
  return parallelism === 'partitions' ? Math.max(1, ...topicPartitions.values()) : parallelism
}

function checkDurability(graph: JobGraph, log: Log, state: StateBackend, settings: JobSettings): void {
  if (!log.durable || state.durable || settings.allowVolatileState) return
  const stateful = graph.regions.filter((region) => region.stateful)
  if (stateful.length === 0) return
  throw new OptionError(
    `The job keeps state, and the log ${log.describe()} outlives this process, but the state backend '${state.kind}' does not: ` +
      'after a restart the job could not go on. Give it a durable backend (state: redis({ url })), ' +
      'or set allowVolatileState when the job may start anew.',
    { where: { job: graph.job } },
  )
}

/** What the tasks of a worker share. */
export function taskEnvironment(
  { log, state, graph, topicPartitions, pace }: PreparedJob,
  settings: JobSettings,
  metrics: MetricGroup,
): Omit<TaskEnvironment, 'commitOffsets'> {
  return {
    graph,
    topicPartitions,
    log,
    state,
    clock: settings.clock,
    logger: settings.logger,
    metrics,
    group: settings.group,
    guarantee: settings.guarantee,
    epochIntervalMs: settings.epochIntervalMs,
    backlogEpochIntervalMs: settings.backlogEpochIntervalMs,
    transactionTimeoutMs: settings.transactionTimeoutMs,
    maxBufferedInputBytes: settings.maxBufferedInputBytes,
    maxBufferedOutputBytes: settings.maxBufferedOutputBytes,
    stateCacheKeys: settings.stateCacheKeys,
    memory: settings.memory,
    backPressure: settings.backPressure,
    alignment: new SourceAlignment(),
    pace,
  }
}
