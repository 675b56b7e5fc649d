import { PartitionsMismatchError } from '../errors.ts'
import type { Region } from './job-graph.ts'
import type { LogicalGraph } from './logical-graph.ts'

/**
 * Inputs that are keyed by their topics' own partitions meet only when these topics have the same number of them, since
 * partition p of each is read by the same task. Topics whose count is unknown are not checked.
 *
 * @throws PARTITIONS_MISMATCH naming topics and counts
 */
export function checkCoPartitioning(
  graph: LogicalGraph,
  regions: readonly Region[],
  topicPartitions: ReadonlyMap<string, number>,
): void {
  for (const { nodes, parallelism } of regions) {
    // A single task reads all partitions of all topics.
    if (parallelism === 1) continue
    const counts = new Map<string, number>()
    for (const { node } of nodes) {
      for (const { from, partitioning } of node.inputs) {
        const upstream = graph.nodes[from]
        if (partitioning.kind !== 'prepartitioned' || upstream?.kind !== 'source') continue
        if (upstream.source.kind !== 'topic') continue
        const { topic } = upstream.source
        const partitions = topicPartitions.get(topic)
        if (partitions !== undefined) counts.set(topic, partitions)
      }
    }
    if (new Set(counts.values()).size <= 1) continue
    const list = [...counts].map(([topic, count]) => `${topic} has ${count}`).join(', ')
    throw new PartitionsMismatchError(
      `Prepartitioned streams that meet need topics with the same number of partitions: ${list}. ` +
        'Create the topics alike, or leave out prepartitioned for all of them, so that they are partitioned anew.',
      { where: { job: graph.job } },
    )
  }
}
