import { describe, expect, it } from 'vitest'
import { type CompileOptions, compile } from '../../src/plan/compile.ts'
import type { JobGraph, Region } from '../../src/plan/job-graph.ts'
import { counting, edge, GraphUnderTest } from './graph-under-test.ts'

function compiled(graph: GraphUnderTest, options: Partial<CompileOptions> = {}): JobGraph {
  return compile(graph.build(), { parallelism: 4, maxParallelism: 128, topicPartitions: new Map(), ...options })
}

const uidsByRegion = ({ regions }: JobGraph): Record<string, string[]> =>
  Object.fromEntries(regions.map(({ id, nodes }) => [id, nodes.map(({ uid }) => uid)]))

const only = ({ regions }: JobGraph): Region => {
  expect(regions).toHaveLength(1)
  return regions[0] as Region
}

describe('compiling with one task', () => {
  it('makes one region without exchanges', () => {
    const region = only(compiled(counting(), { parallelism: 1 }))
    expect(region).toMatchObject({ parallelism: 1, exchangesIn: [], exchangesOut: [], stateful: true })
    expect(region.nodes.map(({ uid, inputs }) => [uid, inputs])).toEqual([
      ['in', []],
      ['parse', [{ fromUid: 'in', tag: null }]],
      ['count', [{ fromUid: 'parse', tag: null }]],
      ['out', [{ fromUid: 'count', tag: null }]],
    ])
  })

  it('makes one region of branches that do not touch, and it keeps its id when one is put before them', () => {
    const two = new GraphUnderTest()
    two.to(two.map(two.topic('new')))
    two.to(two.count(two.topic('in')))
    expect(only(compiled(two, { parallelism: 1 })).id).toBe(only(compiled(counting(), { parallelism: 1 })).id)
  })
})

describe('compiling with several tasks', () => {
  it('cuts at hash edges', () => {
    const graph = compiled(counting('team.job'))
    expect(uidsByRegion(graph)).toEqual({ in: ['in', 'parse'], count: ['count', 'out'] })
    expect(graph.regions.map(({ parallelism, stateful }) => [parallelism, stateful])).toEqual([
      [4, true],
      [4, true],
    ])
    const [first, second] = graph.regions as [Region, Region]
    expect(second.exchangesIn).toEqual(first.exchangesOut)
    expect(second.nodes[0]?.inputs).toEqual([null])
    expect(second.exchangesIn).toMatchObject([
      {
        id: 'count.0',
        topic: 'team.job.count.0.repartition',
        partitions: 4,
        partitioning: { kind: 'hash' },
        value: { format: 'json@1' },
        fromRegion: 'in',
        fromUid: 'parse',
        fromTag: null,
        toRegion: 'count',
        toUid: 'count',
        toInput: 0,
      },
    ])
  })

  it('gives every input of a join an exchange of its own, with the side output that it takes', () => {
    const graph = new GraphUnderTest()
    const a = graph.map(graph.topic('a'), { uid: 'a' })
    const b = graph.map(graph.topic('b'), { uid: 'b' })
    graph.to(
      graph.operator('join', [edge(a, 'hash'), edge(b, 'hash', 'late'), edge(a, 'hash')], { uid: 'join', keyed: true }),
    )
    const join = compiled(graph).regions.find(({ id }) => id === 'join')
    expect(join?.exchangesIn.map(({ topic, fromUid, fromTag }) => [topic, fromUid, fromTag])).toEqual([
      ['job.join.0.repartition', 'a', null],
      ['job.join.1.repartition', 'b', 'late'],
      ['job.join.2.repartition', 'a', null],
    ])
  })

  it('keeps prepartitioned inputs in the region of their topics', () => {
    const graph = new GraphUnderTest()
    const inputs = [
      edge(graph.topic('a', { uid: 'a' }), 'prepartitioned'),
      edge(graph.topic('b', { uid: 'b' }), 'prepartitioned'),
    ]
    graph.to(graph.operator('join', inputs, { uid: 'join', keyed: true, stateful: true }), 'idempotent', { uid: 'out' })
    const region = only(
      compiled(graph, {
        topicPartitions: new Map([
          ['a', 6],
          ['b', 6],
        ]),
      }),
    )
    expect(region.nodes.map(({ uid }) => uid)).toEqual(['a', 'b', 'join', 'out'])
    expect(region.exchangesIn).toEqual([])
  })

  it('refuses prepartitioned topics with other numbers of partitions, where there is more than one task', () => {
    const graph = new GraphUnderTest()
    const inputs = [edge(graph.topic('a'), 'prepartitioned'), edge(graph.topic('b'), 'prepartitioned')]
    graph.to(graph.operator('join', inputs, { keyed: true }))
    const topicPartitions = new Map([
      ['a', 6],
      ['b', 4],
    ])
    expect(() => compiled(graph, { topicPartitions })).toThrow(
      expect.objectContaining({ code: 'PARTITIONS_MISMATCH', message: expect.stringContaining('a has 6, b has 4') }),
    )
    expect(() => compiled(graph, { topicPartitions, parallelism: 1 })).not.toThrow()
    expect(() => compiled(graph, { topicPartitions: new Map([['a', 6]]) })).not.toThrow()
  })

  it('lets topics with other numbers of partitions meet where no key is promised', () => {
    const graph = new GraphUnderTest()
    graph.to(graph.operator('union', [edge(graph.topic('a')), edge(graph.topic('b'))]))
    expect(() =>
      compiled(graph, {
        topicPartitions: new Map([
          ['a', 6],
          ['b', 4],
        ]),
      }),
    ).not.toThrow()
  })

  it('leaves other regions alone when an unrelated branch is added', () => {
    // Forward edges join streams that are a different number of exchanges away from their sources.
    const add = (graph: GraphUnderTest): void => {
      const counts = graph.count(graph.topic('in', { uid: 'in' }), { uid: 'count' })
      graph.to(graph.operator('union', [edge(counts), edge(graph.topic('more', { uid: 'more' }))], { uid: 'union' }))
    }
    const before = new GraphUnderTest()
    add(before)
    const after = new GraphUnderTest()
    const read = after.topic('new')
    // A stream united with a keyed version of itself, which needs cuts of its own.
    after.to(after.operator('union', [edge(read), edge(after.count(read))]))
    add(after)
    const regions = uidsByRegion(compiled(before))
    expect(Object.keys(regions)).toEqual(['in', 'count'])
    expect(uidsByRegion(compiled(after))).toMatchObject(regions)
  })

  it('cuts a forward edge where a region would feed itself; records stay with their task there', () => {
    const graph = new GraphUnderTest()
    const parse = graph.map(graph.topic('in', { uid: 'in' }), { uid: 'parse' })
    const union = graph.operator('union', [edge(parse), edge(graph.count(parse, { uid: 'count' }))], { uid: 'union' })
    graph.to(union, 'idempotent', { uid: 'out' })
    const job = compiled(graph)
    expect(uidsByRegion(job)).toEqual({ in: ['in', 'parse'], count: ['count', 'union', 'out'] })
    expect(job.regions[1]?.exchangesIn.map(({ id, partitioning }) => [id, partitioning.kind])).toEqual([
      ['count.0', 'hash'],
      ['union.0', 'forward'],
    ])
  })

  it('puts a region after those that feed it, whatever was written first', () => {
    const graph = new GraphUnderTest()
    const early = graph.topic('early', { uid: 'early' })
    const counts = graph.count(graph.topic('late', { uid: 'late' }), { uid: 'count' })
    graph.to(graph.operator('union', [edge(early), edge(counts)]))
    expect(compiled(graph).regions.map(({ id }) => id)).toEqual(['late', 'early'])
  })
})

describe('whether a region keeps state', () => {
  const stateful = (add: (graph: GraphUnderTest) => unknown): boolean => {
    const graph = new GraphUnderTest()
    add(graph)
    return only(compiled(graph)).stateful
  }

  it.each<[string, boolean, (graph: GraphUnderTest) => unknown]>([
    ['a topic and a stateless operator', false, (graph) => graph.to(graph.map(graph.topic('in')))],
    [
      'a stateful operator',
      true,
      (graph) => graph.to(graph.operator('x', [edge(graph.topic('in'))], { stateful: true })),
    ],
    ['a source with splits', true, (graph) => graph.to(graph.splits())],
    ['a two-phase sink', true, (graph) => graph.to(graph.topic('in'), 'two-phase')],
    ['an idempotent sink', false, (graph) => graph.to(graph.topic('in'), 'idempotent')],
    ['a topic sink', false, (graph) => graph.toTopic(graph.topic('in'), 'out')],
  ])('with %s: %s', (_, expected, add) => {
    expect(stateful(add)).toBe(expected)
  })

  it('on both sides of an exchange: true', () => {
    const graph = new GraphUnderTest()
    graph.to(graph.operator('first', [edge(graph.topic('in'), 'hash')], { keyed: true }))
    expect(compiled(graph).regions.map((region) => region.stateful)).toEqual([true, true])
  })
})

describe('options of compiling', () => {
  it.each([
    [0, 128],
    [1.5, 128],
    [129, 128],
    [Number.NaN, 128],
    [1, 0],
  ])('refuse parallelism %s with maxParallelism %s', (parallelism, maxParallelism) => {
    expect(() => compiled(counting(), { parallelism, maxParallelism })).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    )
  })

  it('take a parallelism as great as maxParallelism', () => {
    expect(compiled(counting(), { parallelism: 8, maxParallelism: 8 })).toMatchObject({
      parallelism: 8,
      maxParallelism: 8,
    })
  })
})
