import { describe, expect, it } from 'vitest'
import { compile } from '../../src/plan/compile.ts'
import { msgpack } from '../../src/serde/msgpack.ts'
import { counting, edge, GraphUnderTest } from './graph-under-test.ts'

function hash(graph: GraphUnderTest, parallelism = 4, maxParallelism = 128): string {
  return compile(graph.build(), { parallelism, maxParallelism, topicPartitions: new Map() }).hash
}

interface Shape {
  readonly job?: string
  readonly topic?: string
  readonly bounded?: boolean
  readonly out?: string
  readonly countUid?: string
  readonly type?: string
  readonly edgeKind?: 'hash' | 'prepartitioned'
  readonly tag?: string
  readonly format?: 'msgpack'
  readonly extra?: boolean
}

function shaped(shape: Shape): GraphUnderTest {
  const graph = new GraphUnderTest(shape.job)
  const read = graph.topic(shape.topic ?? 'in', { uid: 'in', bounded: shape.bounded ?? false })
  const count = graph.operator(shape.type ?? 'count', [edge(read, shape.edgeKind ?? 'hash')], {
    uid: shape.countUid ?? 'count',
    stateful: true,
    keyed: true,
  })
  graph.toTopic(count, shape.out ?? 'out', {
    uid: 'out',
    ...(shape.tag === undefined ? {} : { tag: shape.tag }),
    ...(shape.format === undefined ? {} : { value: msgpack<unknown>() }),
  })
  if (shape.extra) graph.to(read, 'idempotent', { uid: 'extra' })
  return graph
}

describe('the hash of a graph', () => {
  it('is the same for the same program', () => {
    expect(hash(counting())).toBe(hash(counting()))
    expect(hash(counting())).toMatch(/^[0-9a-f]{12}$/)
  })

  it('does not depend on names for people, lines or functions', () => {
    const graph = counting()
    const moved = counting()
    moved.nodes.forEach((node, at) => {
      moved.nodes[at] = { ...node, name: `another ${at}`, callSite: `elsewhere.ts:${at + 100}` }
    })
    expect(hash(moved)).toBe(hash(graph))
  })

  it.each<[string, Shape]>([
    ['the job', { job: 'other' }],
    ['a topic that is read', { topic: 'in2' }],
    ['a bound', { bounded: true }],
    ['a topic that is written', { out: 'out2' }],
    ['a uid', { countUid: 'count2' }],
    ['a type', { type: 'sum' }],
    ['the partitioning of an edge', { edgeKind: 'prepartitioned' }],
    ['the output that an edge takes', { tag: 'late' }],
    ['a format', { format: 'msgpack' }],
    ['an operator more', { extra: true }],
  ])('changes with %s', (_, shape) => {
    for (const parallelism of [1, 4]) expect(hash(shaped(shape), parallelism)).not.toBe(hash(shaped({}), parallelism))
  })

  it('changes with the parallelism and the number of key groups', () => {
    expect(new Set([hash(counting(), 1), hash(counting(), 2), hash(counting(), 3), hash(counting(), 3, 64)]).size).toBe(
      4,
    )
  })
})
