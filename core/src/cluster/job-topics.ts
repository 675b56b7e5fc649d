import { PartitionsMismatchError, TopicMissingError } from '../errors.ts'
import type { Log, TopicSpec } from '../log/log.ts'
import type { JobGraph } from '../plan/job-graph.ts'
import type { LogicalGraph, LogicalNode } from '../plan/logical-graph.ts'
import { epochTopic, type Guarantee, needsEpochTopic } from '../runtime/task-environment.ts'

/** Partition counts of the topics that the job reads. @throws TOPIC_MISSING naming topic and operator */
export async function readTopicPartitions(log: Log, graph: LogicalGraph): Promise<Map<string, number>> {
  const sources = graph.nodes.flatMap((node) =>
    node.kind === 'source' && node.source.kind === 'topic' ? [{ node, topic: node.source.topic }] : [],
  )
  const described = await log.describeTopics(sources.map(({ topic }) => topic))
  const partitions = new Map<string, number>()
  described.forEach((description, at) => {
    const { node, topic } = sources[at] as (typeof sources)[number]
    if (description === null) {
      throw new TopicMissingError(
        `Topic ${topic} does not exist on ${log.describe()}; create it before the job starts (read at ${node.callSite}).`,
        { where: { job: graph.job, operator: node.name, topic } },
      )
    }
    partitions.set(topic, description.partitions)
  })
  return partitions
}

/** @throws TOPIC_MISSING for a topic that the job writes and nobody has created */
export async function checkSinkTopics(log: Log, graph: LogicalGraph): Promise<void> {
  const written = graph.nodes.flatMap((node): { node: LogicalNode; topic: string }[] => {
    if (node.kind === 'sink' && node.sink.kind === 'topic') return [{ node, topic: node.sink.topic }]
    if (node.kind !== 'source' || node.source.kind !== 'topic') return []
    const policy = node.source.onDecodeFailure
    return typeof policy === 'object' ? [{ node, topic: policy.deadLetterTopic }] : []
  })
  const described = await log.describeTopics(written.map(({ topic }) => topic))
  described.forEach((description, at) => {
    if (description !== null) return
    const { node, topic } = written[at] as (typeof written)[number]
    throw new TopicMissingError(
      `Topic ${topic} does not exist on ${log.describe()}; create it before the job starts (written at ${node.callSite}).`,
      { where: { job: graph.job, operator: node.name, topic } },
    )
  })
}

/** Creates the topics that the job owns, and checks those that exist already. */
export async function createJobTopics(log: Log, graph: JobGraph, guarantee: Guarantee): Promise<void> {
  const owned: TopicSpec[] = []
  for (const region of graph.regions) {
    for (const exchange of region.exchangesIn) {
      // Records are kept until their reader has committed them, however long it was away.
      const config = { 'retention.ms': '-1', 'cleanup.policy': 'delete' }
      owned.push({ name: exchange.topic, partitions: exchange.partitions, config })
    }
    if (needsEpochTopic(region, guarantee)) {
      owned.push({ name: epochTopic(graph.job, region), partitions: region.parallelism })
    }
  }
  if (owned.length === 0) return
  await log.createTopics(owned)
  const described = await log.describeTopics(owned.map(({ name }) => name))
  described.forEach((description, at) => {
    const { name, partitions } = owned[at] as TopicSpec
    if (description === null || description.partitions === partitions) return
    throw new PartitionsMismatchError(
      `Topic ${name} of the job has ${description.partitions} partitions, but the job now runs with ${partitions}. ` +
        'Run it with the former parallelism, or take a savepoint, reset the job and restore it.',
      { where: { job: graph.job, topic: name } },
    )
  })
}
