import { describe, expect, it } from 'vitest'
import { chainsOf } from '../../src/plan/chaining.ts'
import { compile } from '../../src/plan/compile.ts'
import { edge, GraphUnderTest } from './graph-under-test.ts'

function chains(graph: GraphUnderTest, parallelism: number): string[][] {
  const { regions } = compile(graph.build(), { parallelism, maxParallelism: 128, topicPartitions: new Map() })
  return regions.flatMap(({ nodes, exchangesOut }) =>
    chainsOf(nodes, exchangesOut).map((chain) => chain.map(({ uid }) => uid)),
  )
}

describe('chains of operators', () => {
  it('run on while nothing branches off or comes in', () => {
    const graph = new GraphUnderTest()
    const a = graph.map(graph.topic('in', { uid: 'in' }), { uid: 'a' })
    graph.to(graph.map(a, { uid: 'b' }), 'idempotent', { uid: 'first' })
    const union = graph.operator('union', [edge(a), edge(graph.topic('other', { uid: 'other' }))], { uid: 'union' })
    graph.to(union, 'idempotent', { uid: 'second' })
    expect(chains(graph, 1)).toEqual([['in', 'a'], ['b', 'first'], ['other'], ['union', 'second']])
  })

  it('end before a side output and before an exchange', () => {
    const graph = new GraphUnderTest()
    const parse = graph.map(graph.topic('in', { uid: 'in' }), { uid: 'parse' })
    graph.to(graph.map(parse, { uid: 'bad', tag: 'bad' }), 'idempotent', { uid: 'bad-sink' })
    graph.to(graph.count(parse, { uid: 'count' }), 'idempotent', { uid: 'out' })
    const expected = [
      ['in', 'parse'],
      ['bad', 'bad-sink'],
      ['count', 'out'],
    ]
    expect(chains(graph, 4)).toEqual(expected)
    expect(chains(graph, 1)).toEqual(expected)
  })

  it('end where only a side output goes on', () => {
    const graph = new GraphUnderTest()
    graph.to(graph.map(graph.topic('in', { uid: 'in' }), { uid: 'parse' }), 'idempotent', {
      uid: 'bad',
      edge: edge(1, 'forward', 'bad'),
    })
    expect(chains(graph, 1)).toEqual([['in', 'parse'], ['bad']])
  })

  it('end where an exchange branches off', () => {
    const graph = new GraphUnderTest()
    const parse = graph.map(graph.topic('in', { uid: 'in' }), { uid: 'parse' })
    graph.to(parse, 'idempotent', { uid: 'raw' })
    graph.to(graph.count(parse, { uid: 'count' }), 'idempotent', { uid: 'out' })
    expect(chains(graph, 2)).toEqual([['in', 'parse'], ['raw'], ['count', 'out']])
  })

  it('run through a keyed operator where there is one task', () => {
    const graph = new GraphUnderTest()
    graph.to(graph.count(graph.topic('in', { uid: 'in' }), { uid: 'count' }), 'idempotent', { uid: 'out' })
    expect(chains(graph, 1)).toEqual([['in', 'count', 'out']])
    expect(chains(graph, 2)).toEqual([['in'], ['count', 'out']])
  })
})
