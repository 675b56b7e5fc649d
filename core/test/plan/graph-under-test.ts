import type { SinkGuarantee } from '../../src/connector/sink.ts'
import type { LogicalEdge, LogicalGraph, LogicalNode, TopicSourceSpec } from '../../src/plan/logical-graph.ts'
import { json } from '../../src/serde/json.ts'
import type { Serde } from '../../src/serde/serde.ts'

interface Given {
  readonly uid?: string
  readonly name?: string
}

const never = (): never => {
  throw new Error('planning runs nothing')
}

export const identity = (value: unknown): unknown => value

/** An edge from a node; hash and prepartitioned edges are keyed by the value itself. */
export function edge(
  from: number,
  kind: 'forward' | 'hash' | 'prepartitioned' = 'forward',
  tag: string | null = null,
): LogicalEdge {
  if (kind === 'forward') return { from, tag, partitioning: { kind } }
  if (kind === 'hash') return { from, tag, partitioning: { kind, key: identity, value: json<unknown>() } }
  return { from, tag, partitioning: { kind, key: identity } }
}

/** Logical graphs by hand. Every method gives the id of the node that it adds; node n stands in line n of `job.ts`. */
export class GraphUnderTest {
  readonly nodes: LogicalNode[] = []
  readonly job: string

  constructor(job = 'job') {
    this.job = job
  }

  build(): LogicalGraph {
    return { job: this.job, nodes: this.nodes }
  }

  topic(topic: string, given: Given & Partial<Pick<TopicSourceSpec, 'onDecodeFailure' | 'bounded'>> = {}): number {
    const { onDecodeFailure = 'fail', bounded = false } = given
    const source = {
      kind: 'topic',
      topic,
      value: json<unknown>(),
      time: null,
      bounded,
      start: 'earliest',
      onDecodeFailure,
      backlog: null,
    } as const
    return this.#add({ ...this.#base('topic-source', [], { name: topic, ...given }), kind: 'source', source })
  }

  splits(given: Given & { readonly source?: string } = {}): number {
    const name = given.source ?? 'numbers'
    const source = { name, bounded: true, replayable: true, splits: () => 1, open: never }
    const spec = { kind: 'splits', source, time: null, isBacklog: false } as const
    return this.#add({ ...this.#base(`${name}-source`, [], given), kind: 'source', source: spec })
  }

  map(from: number, given: Given & { readonly tag?: string } = {}): number {
    return this.operator('map', [edge(from, 'forward', given.tag ?? null)], given)
  }

  count(from: number, given: Given = {}): number {
    return this.operator('count', [edge(from, 'hash')], { stateful: true, keyed: true, ...given })
  }

  operator(
    type: string,
    inputs: readonly LogicalEdge[],
    given: Given & { readonly stateful?: boolean; readonly keyed?: boolean } = {},
  ): number {
    const { stateful = false, keyed = false } = given
    return this.#add({ ...this.#base(type, inputs, given), kind: 'operator', create: never, stateful, keyed })
  }

  toTopic(
    from: number,
    topic: string,
    given: Given & { readonly tag?: string; readonly value?: Serde<unknown> } = {},
  ): number {
    const sink = {
      kind: 'topic',
      topic,
      value: given.value ?? json<unknown>(),
      key: null,
      partition: null,
      headers: null,
    } as const
    const inputs = [edge(from, 'forward', given.tag ?? null)]
    return this.#add({ ...this.#base('topic-sink', inputs, { name: topic, ...given }), kind: 'sink', sink })
  }

  to(
    from: number,
    guarantee: SinkGuarantee = 'at-least-once',
    given: Given & { readonly edge?: LogicalEdge } = {},
  ): number {
    const sink = { kind: 'custom', sink: { name: 'files', guarantee, open: never } } as const
    return this.#add({ ...this.#base('files-sink', [given.edge ?? edge(from)], given), kind: 'sink', sink })
  }

  #base(type: string, inputs: readonly LogicalEdge[], { uid = undefined, name = type }: Given) {
    const id = this.nodes.length
    return { id, uid: uid ?? null, name, type, callSite: `job.ts:${id}`, inputs }
  }

  #add(node: LogicalNode): number {
    this.nodes.push(node)
    return node.id
  }
}

/** Topic `in`, a keyed count and topic `out`. */
export function counting(job = 'job'): GraphUnderTest {
  const graph = new GraphUnderTest(job)
  graph.toTopic(graph.count(graph.map(graph.topic('in', { uid: 'in' }), { uid: 'parse' }), { uid: 'count' }), 'out', {
    uid: 'out',
  })
  return graph
}
