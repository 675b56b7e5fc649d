import { invalid } from './invalid.ts'
import type { LogicalGraph, LogicalNode } from './logical-graph.ts'

/** Refuses topics that are read twice, and those that are the job's own. @throws GRAPH_INVALID */
export function checkTopics(graph: LogicalGraph): void {
  const reading = new Map<string, LogicalNode>()
  for (const node of graph.nodes) {
    if (node.kind === 'source' && node.source.kind === 'topic') {
      const { topic, onDecodeFailure } = node.source
      checkName(graph, node, topic)
      checkNotOwned(graph, node, topic)
      if (typeof onDecodeFailure === 'object') {
        checkName(graph, node, onDecodeFailure.deadLetterTopic)
        checkNotOwned(graph, node, onDecodeFailure.deadLetterTopic)
      } else if (onDecodeFailure !== 'fail' && onDecodeFailure !== 'skip') {
        throw invalid(
          graph,
          node,
          `has onDecodeFailure ${JSON.stringify(onDecodeFailure)}; it must be 'fail', 'skip' or { deadLetterTopic }`,
        )
      }
      const { start } = node.source
      if (start !== 'earliest' && start !== 'latest' && !(typeof start === 'number' && start >= 0)) {
        throw invalid(
          graph,
          node,
          `starts at ${JSON.stringify(start)}; it must be 'earliest', 'latest' or a time in milliseconds`,
        )
      }
      const other = reading.get(topic)
      if (other !== undefined) {
        throw invalid(
          graph,
          node,
          `reads topic ${topic}, which '${other.name}' at ${other.callSite} reads too; read it once and use that stream twice`,
        )
      }
      reading.set(topic, node)
    } else if (node.kind === 'sink' && node.sink.kind === 'topic') {
      checkName(graph, node, node.sink.topic)
      checkNotOwned(graph, node, node.sink.topic)
    }
  }
}

/** What Kafka allows. */
function checkName(graph: LogicalGraph, node: LogicalNode, topic: string): void {
  if (/^[\w.-]{1,249}$/.test(topic) && topic !== '.' && topic !== '..') return
  throw invalid(
    graph,
    node,
    `uses topic '${topic}'; the name of a topic is 1 to 249 letters, digits, dots, hyphens and underscores`,
  )
}

/** By the form of the name, not by those in use, so that a job that runs with one task runs with more of them too. */
function checkNotOwned(graph: LogicalGraph, node: LogicalNode, topic: string): void {
  if (!topic.startsWith(`${graph.job}.`) || !/\.(repartition|epochs)$/.test(topic)) return
  throw invalid(
    graph,
    node,
    `uses topic ${topic}, but names of this form are those of the job's own topics; name it otherwise`,
  )
}
