import { createHash } from 'node:crypto'
import type { JobGraph } from './job-graph.ts'
import type { LogicalNode } from './logical-graph.ts'

/**
 * Tells versions of a job apart: equal for graphs of one structure, whatever the code of their functions. What is in it:
 * uids, types, edges, topics, formats, parallelism.
 */
export function graphHash(graph: Omit<JobGraph, 'hash'>): string {
  const structure = {
    job: graph.job,
    parallelism: graph.parallelism,
    maxParallelism: graph.maxParallelism,
    regions: graph.regions.map(({ id, parallelism, nodes, exchangesIn }) => ({
      id,
      parallelism,
      nodes: nodes.map(({ uid, node, inputs }) => ({ uid, type: node.type, outside: outside(node), inputs })),
      exchanges: exchangesIn.map(({ topic, fromUid, fromTag, toUid, toInput, value }) => ({ topic, fromUid, fromTag, toUid, toInput, format: value.format })),
    })),
  }
  return createHash('sha256').update(JSON.stringify(structure)).digest('hex').slice(0, 12)
}

function outside(node: LogicalNode): unknown {
  if (node.kind === 'source') {
    return node.source.kind === 'topic' ? [node.source.topic, node.source.value.format, node.source.bounded] : node.source.source.name
  }
  if (node.kind === 'sink') return node.sink.kind === 'topic' ? [node.sink.topic, node.sink.value.format] : node.sink.sink.name
  return null
}
