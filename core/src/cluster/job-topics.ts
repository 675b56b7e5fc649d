import { PartitionsMismatchError, TopicMissingError } from '../errors.ts'
import type { Log, TopicSpec } from '../log/log.ts'
import type { JobGraph } from '../plan/job-graph.ts'
import type { LogicalGraph, LogicalNode } from '../plan/logical-graph.ts'
import { epochTopic, type Guarantee, needsEpochTopic } from '../runtime/task-environment.ts'

interface UsedTopic {
  readonly node: LogicalNode
  readonly topic: string
  readonly use: 'read' | 'written'
}

/** Partition counts of the topics that the job reads. @throws TOPIC_MISSING naming every topic that the job uses and nobody has created */
export async function readTopicPartitions(log: Log, graph: LogicalGraph): Promise<Map<string, number>> {
  const used = graph.nodes.flatMap(usedTopics)
  const described = await log.describeTopics(used.map(({ topic }) => topic))
  const missing = used.filter((_, at) => described[at] === null)
  const [first] = missing
  if (first !== undefined) {
    const list = missing.map(({ topic, use, node }) => `${topic} (${use} at ${node.callSite})`).join(', ')
    throw new TopicMissingError(
      missing.length === 1
        ? `Topic ${list} does not exist on ${log.describe()}; create it before the job starts.`
        : `Topics ${list} do not exist on ${log.describe()}; create them before the job starts.`,
      { where: { job: graph.job, operator: first.node.uid ?? first.node.name, topic: first.topic } },
    )
  }
  const partitions = new Map<string, number>()
  for (const [at, { topic, use }] of used.entries()) {
    if (use === 'read') partitions.set(topic, described[at]?.partitions ?? 0)
  }
  return partitions
}

function usedTopics(node: LogicalNode): UsedTopic[] {
  if (node.kind === 'sink') return node.sink.kind === 'topic' ? [{ node, topic: node.sink.topic, use: 'written' }] : []
  if (node.kind !== 'source' || node.source.kind !== 'topic') return []
  const { topic, onDecodeFailure: policy } = node.source
  const read: UsedTopic = { node, topic, use: 'read' }
  return typeof policy === 'object' ? [read, { node, topic: policy.deadLetterTopic, use: 'written' }] : [read]
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
