import { describe, expect, it } from 'vitest'
import { StreamError } from '../../src/errors.ts'
import { validate } from '../../src/plan/validate.ts'
import { counting, edge, GraphUnderTest } from './graph-under-test.ts'

type Build = (graph: GraphUnderTest) => void

function refusal(build: Build, job = 'job'): StreamError {
  const graph = new GraphUnderTest(job)
  build(graph)
  try {
    validate(graph.build())
  } catch (error) {
    if (StreamError.is(error)) return error
    throw error
  }
  throw new Error('the graph was taken')
}

const wrong: [string, Build, operator: string, message: RegExp][] = [
  [
    'an operator whose output nobody reads',
    (graph) => {
      const read = graph.topic('in')
      graph.map(read, { name: 'lost' })
      graph.to(read)
    },
    'lost',
    /'lost' \(map, added at job\.ts:1\) leads nowhere/,
  ],
  [
    'a source whose output nobody reads',
    (graph) => {
      graph.to(graph.topic('in'))
      graph.topic('unread')
    },
    'unread',
    /added at job\.ts:2\) leads nowhere/,
  ],
  [
    'a keyed operator behind a stream without keys',
    (graph) => graph.to(graph.operator('count', [edge(graph.topic('in'))], { keyed: true, name: 'counts' })),
    'counts',
    /'counts' \(count, added at job\.ts:1\) keeps state for each key, but its input has no key; call keyBy first/,
  ],
  [
    'a keyed operator of whose inputs one has no keys',
    (graph) => {
      const inputs = [edge(graph.topic('a'), 'hash'), edge(graph.topic('b'))]
      graph.to(graph.operator('join', inputs, { keyed: true }))
    },
    'join',
    /job\.ts:2\) keeps state for each key/,
  ],
  [
    'a prepartitioned edge that does not come from a topic',
    (graph) =>
      graph.to(graph.operator('count', [edge(graph.map(graph.topic('in')), 'prepartitioned')], { keyed: true })),
    'count',
    /job\.ts:2\) takes its input as partitioned by key already, but it does not come straight from a topic/,
  ],
  [
    'a join of a prepartitioned input with one that is partitioned anew',
    (graph) => {
      const inputs = [edge(graph.topic('a'), 'prepartitioned'), edge(graph.topic('b'), 'hash')]
      graph.to(graph.operator('join', inputs, { keyed: true }))
    },
    'join',
    /job\.ts:2\) joins a prepartitioned input with one that is not/,
  ],
  [
    'a circle',
    (graph) => {
      const read = graph.topic('in')
      const loop = graph.operator('union', [edge(read), edge(2)], { name: 'loop' })
      graph.to(graph.map(loop, { name: 'body' }))
    },
    'loop',
    /job\.ts:1\) takes the output of 'body', which comes after it: streams run in a circle only in a loop/,
  ],
  [
    'an operator that reads itself',
    (graph) => graph.to(graph.operator('union', [edge(graph.topic('in')), edge(1)])),
    'union',
    /takes the output of 'union', which comes after it/,
  ],
  [
    'an edge from a node that is not there',
    (graph) => {
      graph.topic('in')
      graph.to(7)
    },
    'files-sink',
    /job\.ts:1\) has an input that is not of this job/,
  ],
  [
    'an edge from a sink',
    (graph) => graph.to(graph.toTopic(graph.topic('in'), 'out')),
    'files-sink',
    /job\.ts:2\) reads from 'out', which is a sink that does not tell what it commits/,
  ],
  [
    'an edge from a sink that is not two-phase',
    (graph) => graph.to(graph.to(graph.topic('in'))),
    'files-sink',
    /job\.ts:2\) reads from 'files-sink', which is a sink that does not tell what it commits/,
  ],
  [
    'an operator without input',
    (graph) => {
      graph.to(graph.topic('in'))
      graph.to(graph.operator('map', []))
    },
    'map',
    /job\.ts:2\) has no input/,
  ],
  [
    'a source with an input',
    (graph) => {
      graph.to(graph.topic('in'))
      graph.nodes[0] = { ...(graph.nodes[0] as (typeof graph.nodes)[number]), inputs: [edge(0)] }
    },
    'in',
    /job\.ts:0\) is a source, but it has an input/,
  ],
  [
    'a sink behind keyBy',
    (graph) => graph.to(0, 'idempotent', { edge: edge(graph.topic('in'), 'hash') }),
    'files-sink',
    /job\.ts:1\) is a sink behind keyBy/,
  ],
  [
    'one topic read by two sources',
    (graph) => {
      graph.to(graph.topic('in'))
      graph.to(graph.topic('in'))
    },
    'in',
    /job\.ts:2\) reads topic in, which 'in' at job\.ts:0 reads too/,
  ],
  [
    'a sink into a topic that the job owns',
    (graph) => graph.toTopic(graph.count(graph.topic('in'), { uid: 'count' }), 'job.count.0.repartition'),
    'job.count.0.repartition',
    /job\.ts:2\) uses topic job\.count\.0\.repartition, but names of this form are those of the job's own topics/,
  ],
  [
    'a source of a topic that the job owns',
    (graph) => graph.to(graph.topic('job.x.epochs')),
    'job.x.epochs',
    /job\.ts:0\) uses topic job\.x\.epochs/,
  ],
  [
    'dead letters in a topic that the job owns',
    (graph) => graph.to(graph.topic('in', { onDecodeFailure: { deadLetterTopic: 'job.x.epochs' } })),
    'in',
    /job\.ts:0\) uses topic job\.x\.epochs/,
  ],
]

describe('validating a graph', () => {
  it('takes one that can run', () => {
    expect(() => validate(counting().build())).not.toThrow()
  })

  it('takes an operator of which only the side output is read', () => {
    const graph = new GraphUnderTest()
    graph.toTopic(graph.map(graph.topic('in')), 'bad', { tag: 'bad' })
    expect(() => validate(graph.build())).not.toThrow()
  })

  it("takes another job's topics, and dead letters of two sources in one topic", () => {
    const graph = new GraphUnderTest()
    const onDecodeFailure = { deadLetterTopic: 'dead' }
    graph.to(graph.topic('other.count.0.repartition', { onDecodeFailure }))
    graph.to(graph.topic('job.payments', { onDecodeFailure }))
    expect(() => validate(graph.build())).not.toThrow()
  })

  it.each(wrong)('refuses %s', (_, build, operator, message) => {
    const error = refusal(build)
    expect(error.code).toBe('GRAPH_INVALID')
    expect(error.message).toMatch(message)
    expect(error.where).toEqual({ job: 'job', operator })
  })

  it('refuses a job without source', () => {
    expect(refusal(() => {})).toMatchObject({
      code: 'GRAPH_INVALID',
      message: expect.stringContaining('has no source'),
    })
  })

  it('refuses a job without sink', () => {
    expect(refusal((graph) => void graph.map(graph.topic('in'))).message).toContain('has no sink')
  })

  it.each(['', ' ', 'a b', 'a/b', '.a', '..', 'jöb', 'a'.repeat(101)])('refuses the job name %j', (job) => {
    expect(refusal((graph) => void graph.to(graph.topic('in')), job).message).toContain(
      `'${job}' cannot be the name of a job`,
    )
  })

  it.each(['a', 'Team.fraud_2-eu', 'a'.repeat(100)])('takes the job name %j', (job) => {
    expect(() => validate(counting(job).build())).not.toThrow()
  })
})
