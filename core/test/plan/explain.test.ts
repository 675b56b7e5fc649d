import { describe, expect, it } from 'vitest'
import { type ExplainOptions, type Explanation, explainJob } from '../../src/api/explain.ts'
import { counting, edge, GraphUnderTest } from './graph-under-test.ts'

const explain = (graph: GraphUnderTest, options: ExplainOptions = {}): Explanation => explainJob(graph.build(), options)

/** Two topics, a union, a keyed count with late records at the side. */
function shop(): GraphUnderTest {
  const graph = new GraphUnderTest('shop')
  const orders = graph.topic('orders', { uid: 'orders' })
  const clean = graph.map(orders, { uid: 'clean', name: 'drop tests' })
  const all = graph.operator('union', [edge(clean), edge(graph.topic('returns', { uid: 'returns' }))], { uid: 'all' })
  graph.to(all, 'two-phase', { uid: 'archive' })
  const count = graph.count(clean, { uid: 'count' })
  graph.toTopic(count, 'counts', { uid: 'counts' })
  graph.toTopic(count, 'late', { uid: 'late', tag: 'late' })
  return graph
}

describe('explaining a job as data', () => {
  it('tells of operators, chains, exchanges and regions', () => {
    const explained = explain(counting(), { parallelism: 2, topicPartitions: { in: 6 } })
    const own = { stateful: false, uidGiven: true, topic: null, partitions: null, guarantee: null }
    expect(JSON.parse(JSON.stringify(explained))).toEqual({
      job: 'job',
      hash: expect.stringMatching(/^[0-9a-f]{12}$/),
      parallelism: 2,
      maxParallelism: 128,
      guarantee: 'exactly-once',
      regions: [
        {
          id: 'in',
          tasks: 2,
          stateful: true,
          operators: [
            {
              ...own,
              uid: 'in',
              name: 'in',
              type: 'topic-source',
              callSite: 'job.ts:0',
              inputs: [],
              topic: 'in',
              partitions: 6,
            },
            {
              ...own,
              uid: 'parse',
              name: 'map',
              type: 'map',
              callSite: 'job.ts:1',
              inputs: [{ from: 'in', tag: null, exchange: null }],
            },
          ],
          chains: [['in', 'parse']],
          exchangesIn: [],
        },
        {
          id: 'count',
          tasks: 2,
          stateful: true,
          operators: [
            {
              ...own,
              uid: 'count',
              name: 'count',
              type: 'count',
              callSite: 'job.ts:2',
              stateful: true,
              inputs: [{ from: 'parse', tag: null, exchange: 'job.count.0.repartition' }],
            },
            {
              ...own,
              uid: 'out',
              name: 'out',
              type: 'topic-sink',
              callSite: 'job.ts:3',
              inputs: [{ from: 'count', tag: null, exchange: null }],
              topic: 'out',
              guarantee: 'transactional',
            },
          ],
          chains: [['count', 'out']],
          exchangesIn: [
            {
              topic: 'job.count.0.repartition',
              partitions: 2,
              format: 'json@1',
              routing: 'by key',
              fromRegion: 'in',
              from: 'parse',
              tag: null,
              to: 'count',
            },
          ],
        },
      ],
      optimizations: [],
    })
  })

  it('states the guarantee of every sink', () => {
    const guarantees = (options: ExplainOptions): unknown =>
      Object.fromEntries(
        explain(shop(), options).regions.flatMap(({ operators }) =>
          operators.flatMap(({ uid, guarantee }) => (guarantee === null ? [] : [[uid, guarantee]])),
        ),
      )
    expect(guarantees({})).toEqual({ archive: 'two-phase', counts: 'transactional', late: 'transactional' })
    expect(guarantees({ guarantee: 'at-least-once' })).toEqual({
      archive: 'two-phase',
      counts: 'at-least-once',
      late: 'at-least-once',
    })
  })

  it('marks uids that were derived', () => {
    const graph = new GraphUnderTest()
    graph.to(graph.map(graph.topic('in'), { uid: 'mine' }))
    const [region] = explain(graph).regions
    expect(region?.operators.map(({ uidGiven }) => uidGiven)).toEqual([false, true, false])
  })
})

describe("explaining with parallelism 'partitions'", () => {
  it('takes as many tasks as the widest topic has partitions', () => {
    const explained = explain(shop(), { parallelism: 'partitions', topicPartitions: { orders: 3, returns: 5 } })
    expect(explained.parallelism).toBe(5)
    expect(explained).toEqual(explain(shop(), { parallelism: 5, topicPartitions: { orders: 3, returns: 5 } }))
  })

  it('leaves unknown what depends on a topic that is not given', () => {
    const explained = explain(shop(), { parallelism: 'partitions', topicPartitions: { orders: 3 } })
    expect(explained).toMatchObject({ parallelism: null, hash: null })
    expect(explained.regions.map(({ id, tasks }) => [id, tasks])).toEqual([
      ['orders', null],
      ['count', null],
    ])
    expect(explained.regions[1]?.exchangesIn[0]?.partitions).toBeNull()
    expect(String(explained)).toContain('parallelism of the widest topic (unknown)')
    expect(String(explained)).toContain('(partitions unknown, by key, json@1)')
  })

  it('is one task where no topic is read', () => {
    const graph = new GraphUnderTest()
    graph.to(graph.splits())
    expect(explain(graph, { parallelism: 'partitions' }).parallelism).toBe(1)
  })
})

describe('explaining a job as text', () => {
  it('draws every region as a tree', () => {
    const explained = explain(shop(), { parallelism: 4, topicPartitions: { orders: 6 } })
    expect(`${explained}`).toBe(`\
job shop · 2 regions, 8 tasks · parallelism 4 of at most 128 · exactly-once · graph ${explained.hash}

region orders · 4 tasks · keeps state
  ○ orders         topic-source · topic orders (6 partitions) · job.ts:0
  │ clean          map 'drop tests' · job.ts:1
  ├─► all
  └─► count        exchange shop.count.0.repartition (4 partitions, by key, json@1) to region count
  ○ returns        topic-source · topic returns (partitions unknown) · job.ts:2
  └─○ all          union · job.ts:3
    │ archive      files-sink · two-phase · job.ts:4

region count · 4 tasks · keeps state
  ◄ clean          exchange shop.count.0.repartition from region orders
  │ count          count · state · job.ts:5
  ├─○ counts       topic-sink · topic counts · transactional · job.ts:6
  └─○ [late] late  topic-sink · topic late · transactional · job.ts:7
`)
  })

  it('draws an operator with several exchanges under the last of them', () => {
    const graph = new GraphUnderTest()
    const inputs = [edge(graph.topic('a', { uid: 'a' }), 'hash'), edge(graph.topic('b', { uid: 'b' }), 'hash')]
    graph.to(graph.operator('join', inputs, { uid: 'join', keyed: true }), 'idempotent', { uid: 'out' })
    const lines = String(explain(graph, { parallelism: 2 })).split('\n')
    expect(lines.slice(lines.indexOf('region join · 2 tasks · keeps state') + 1, -1)).toEqual([
      '  ◄ a       exchange job.join.0.repartition from region a',
      '  └─► join',
      '  ◄ b       exchange job.join.1.repartition from region b',
      '  │ join    join · job.ts:2',
      '  │ out     files-sink · idempotent · job.ts:3',
      '',
      'optimised',
      '  forward-bytes · join · the bytes of topic a travel to input 0, and are decoded behind the exchange',
      '  forward-bytes · join · the bytes of topic b travel to input 1, and are decoded behind the exchange',
    ])
  })

  it('names every operator once by its line, also where streams join', () => {
    const graph = shop()
    for (const parallelism of [1, 3]) {
      const text = String(explain(graph, { parallelism }))
      for (const { callSite } of graph.nodes) expect(text.split(`· ${callSite}\n`)).toHaveLength(2)
    }
  })
})

describe('explaining a job that cannot run', () => {
  it('fails as a run would', () => {
    expect(() => explain(new GraphUnderTest())).toThrow(expect.objectContaining({ code: 'GRAPH_INVALID' }))
    expect(() => explain(shop(), { parallelism: 0 })).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    expect(() => explain(shop(), { parallelism: 'partitions', topicPartitions: { orders: 200, returns: 1 } })).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    )
  })
})
