import { createHash } from 'node:crypto'
import { describeSignal } from '../operator/signal/signal.ts'
import type { JobGraph } from './job-graph.ts'
import type { LogicalNode } from './logical-graph.ts'
import { emittedBy } from './signals.ts'

/**
 * Tells versions of a job apart: equal for graphs of one structure, whatever the code of their functions. What is in it:
 * uids, types, edges, topics, formats, signals, parallelism.
 */
export function graphHash(graph: Omit<JobGraph, 'hash'>): string {
  const structure = {
    job: graph.job,
    parallelism: graph.parallelism,
    maxParallelism: graph.maxParallelism,
    regions: graph.regions.map(({ id, parallelism, nodes, exchangesIn }) => ({
      id,
      parallelism,
      nodes: nodes.map(({ uid, node, inputs }) => ({
        uid,
        type: node.type,
        outside: outside(node),
        ...signalsOf(node),
        inputs: inputs.map((edge, input) => [edge?.fromUid, edge?.tag, node.inputs[input]?.partitioning.kind]),
      })),
      exchanges: exchangesIn.map(({ topic, fromUid, fromTag, toUid, toInput, value }) => [
        topic,
        fromUid,
        fromTag,
        toUid,
        toInput,
        value.format,
      ]),
    })),
  }
  return createHash('sha256').update(JSON.stringify(structure)).digest('hex').slice(0, 12)
}

function outside(node: LogicalNode): unknown {
  if (node.kind === 'source') {
    const { source } = node
    return source.kind === 'topic' ? [source.topic, source.value.format, source.bounded] : [source.source.name]
  }
  if (node.kind === 'sink') {
    const { sink } = node
    return sink.kind === 'topic' ? [sink.topic, sink.value.format] : [sink.sink.name, sink.sink.guarantee]
  }
  return null
}

/** Nothing for a node without, so that jobs without signals have the hash that they always had. */
function signalsOf(node: LogicalNode): { readonly emits?: readonly string[] } {
  const emitted = emittedBy(node)
  return emitted.length === 0 ? {} : { emits: emitted.map(describeSignal) }
}
