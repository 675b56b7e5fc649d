import { GraphError } from '../errors.ts'
import type { LogicalGraph, LogicalNode } from './logical-graph.ts'
import { invalid } from './uid.ts'

const JOB = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

/** Refuses graphs that cannot run. @throws GRAPH_INVALID naming the operator and the line that added it */
export function validate(graph: LogicalGraph): void {
  const where = { job: graph.job }
  if (!JOB.test(graph.job)) {
    throw new GraphError(`'${graph.job}' cannot be the name of a job: it takes at most 100 letters, digits, '.', '_' and '-', and begins with a letter or digit.`, { where })
  }
  if (!graph.nodes.some((node) => node.kind === 'source')) {
    throw new GraphError('The job has no source; begin with env.topic, env.from, env.generate or env.source.', { where })
  }
  if (!graph.nodes.some((node) => node.kind === 'sink')) {
    throw new GraphError('The job has no sink; end a stream with toTopic, collect, print or to.', { where })
  }
  const read = new Set<number>()
  const topics = new Map<string, LogicalNode>()
  for (const node of graph.nodes) {
    checkInputs(graph, node)
    for (const { from } of node.inputs) read.add(from)
    if (node.kind !== 'source' || node.source.kind !== 'topic') continue
    const other = topics.get(node.source.topic)
    if (other !== undefined) {
      throw invalid(graph, node, `reads topic ${node.source.topic}, which '${other.name}' at ${other.callSite} reads too; read it once and use that stream twice`)
    }
    topics.set(node.source.topic, node)
  }
  for (const node of graph.nodes) {
    if (node.kind !== 'sink' && !read.has(node.id)) {
      throw invalid(graph, node, 'leads nowhere: nothing reads its output; end the stream with a sink or take it out')
    }
  }
}

function checkInputs(graph: LogicalGraph, node: LogicalNode): void {
  for (const { from, partitioning } of node.inputs) {
    if (!(from >= 0 && from < node.id && graph.nodes[from]?.id === from)) {
      throw invalid(graph, node, 'has an input that comes from another job or from further down the stream')
    }
    if (node.kind === 'operator' && node.keyed && partitioning.kind === 'forward') {
      throw invalid(graph, node, 'keeps state for each key, but its input has no key; call keyBy first')
    }
    if (partitioning.kind === 'prepartitioned' && !isTopicSource(graph.nodes[from])) {
      throw invalid(graph, node, 'takes its input as partitioned by key already, but it does not come straight from a topic')
    }
  }
}

function isTopicSource(node: LogicalNode | undefined): boolean {
  return node?.kind === 'source' && node.source.kind === 'topic'
}
