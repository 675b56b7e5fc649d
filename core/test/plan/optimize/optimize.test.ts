import { describe, expect, it } from 'vitest'
import { buildLogicalGraph } from '../../../src/api/build.ts'
import type { Environment } from '../../../src/api/environment.ts'
import { sessions, tumbling } from '../../../src/operator/window/window-assigner.ts'
import { compile } from '../../../src/plan/compile.ts'
import type { Exchange, JobGraph, JobNode } from '../../../src/plan/job-graph.ts'
import { json } from '../../../src/serde/json.ts'
import type { ProjectableSerde } from '../../../src/serde/serde.ts'
import { watermarks } from '../../../src/time/watermark-strategy.ts'

interface Bid {
  readonly auction: number
  readonly price: number
  readonly time: number
}

/** JSON that says which fields it decodes. */
function projectable(fields: string = 'all'): ProjectableSerde<Bid> {
  const plain = json<Bid>()
  return {
    format: `json@1 of ${fields}`,
    decode: (bytes, start, end) => plain.decode(bytes, start, end),
    encode: (value, target) => plain.encode(value, target),
    project: (some) => projectable(some.join('+') || 'nothing') as ProjectableSerde<unknown>,
  }
}

function planned(build: (env: Environment) => void, parallelism: number): JobGraph {
  const graph = buildLogicalGraph('planned', build, 'here')
  return compile(graph, { parallelism, maxParallelism: 128, topicPartitions: new Map() })
}

const rules = ({ applied }: JobGraph): string[] => applied.map(({ rule, uid }) => `${rule} ${uid}`)
const nodes = ({ regions }: JobGraph): JobNode[] => regions.flatMap((region) => region.nodes)
const exchanges = ({ regions }: JobGraph): Exchange[] => regions.flatMap((region) => region.exchangesIn)
const sourceFormat = (graph: JobGraph): string | undefined =>
  nodes(graph)
    .map(({ node }) => (node.kind === 'source' && node.source.kind === 'topic' ? node.source.value.format : undefined))
    .find((format) => format !== undefined)

const maximum = {
  create: () => 0,
  add: (max: number, { price }: Bid) => Math.max(max, price),
  result: (max: number) => max,
}
const merging = { ...maximum, merge: (a: number, b: number) => Math.max(a, b) }
const timed = { time: watermarks.bounded<Bid>(0, 'time') }

describe('gathering before an exchange', () => {
  const windowed =
    (merges: boolean, trailing: (env: Environment) => void = () => {}) =>
    (env: Environment) => {
      env
        .topic('bids', json<Bid>(), timed)
        .keyBy('auction')
        .window(tumbling('10s'))
        .aggregate(merges ? merging : maximum)
        .uid('highest')
        .toTopic('highest', json())
      trailing(env)
    }

  it('is put before windows whose aggregate merges', () => {
    const before = planned(windowed(false), 2)
    const after = planned(windowed(true), 2)
    expect(rules(before)).toEqual(['forward-bytes highest'])
    expect(rules(after)).toEqual(['pre-aggregate highest'])
    expect(exchanges(before).map(({ fromUid, toUid }) => [fromUid.split('-')[0], toUid])).toEqual([
      ['topic', 'highest'],
    ])
    expect(exchanges(after).map(({ fromUid, toUid }) => [fromUid, toUid])).toEqual([['highest-gather', 'highest']])
    expect(exchanges(after)[0]?.value.format).toMatch(/^partial@/)
  })

  it('changes neither uids nor topics, and is left out where nothing travels', () => {
    const one = planned(windowed(true), 1)
    const two = planned(windowed(true), 2)
    expect(rules(one)).toEqual([])
    const uids = nodes(one).map(({ uid }) => uid)
    expect(nodes(two).flatMap(({ uid, node }) => (node.type === 'gather' ? [] : [uid]))).toEqual(uids)
    expect(exchanges(two)[0]?.topic).toBe('planned.highest.0.repartition')
  })

  it('is done for sessions, and not for what needs the records one by one', () => {
    const kinds = planned((env) => {
      const bids = env.topic('bids', json<Bid>(), timed).keyBy('auction')
      bids.window(sessions('1s')).aggregate(merging).uid('sessions').toTopic('a', json())
      bids
        .window(tumbling('1s'))
        .process((_, __, out: { emit(n: number): void }) => out.emit(1))
        .uid('list')
        .toTopic('b', json())
      bids
        .window(tumbling('1s', { time: 'processing' }))
        .aggregate(merging)
        .uid('clock')
        .toTopic('c', json())
      bids
        .reduce((_, bid) => bid)
        .uid('running')
        .toTopic('d', json())
    }, 4)
    expect(rules(kinds).filter((rule) => rule.startsWith('pre-'))).toEqual(['pre-aggregate sessions'])
  })
})

describe('copying bytes', () => {
  it('is done to a sink behind filters that writes the format of the source', () => {
    const bids = json<Bid>()
    const [same, mapped] = [true, false].map((isSame) =>
      planned((env) => {
        const filtered = env
          .topic('bids', bids)
          .uid('bids')
          .filter(({ price }) => price > 5)
        const out = isSame ? filtered : filtered.map((bid) => bid)
        out.toTopic('large', bids)
      }, 1),
    ) as [JobGraph, JobGraph]
    const copied = (graph: JobGraph): unknown => nodes(graph).find(({ node }) => node.kind === 'sink')?.copiesFrom
    expect(copied(same)).toBe('bids')
    expect(copied(mapped)).toBeNull()
  })

  it('is done to an exchange, behind which records are decoded, and on to a sink', () => {
    const bids = json<Bid>()
    const graph = planned((env) => {
      env.topic('bids', bids).uid('bids').rebalance().uid('spread').toTopic('out', bids)
    }, 3)
    const [exchange] = exchanges(graph)
    expect(exchange).toMatchObject({ copiesFrom: 'bids', value: { format: 'json@1' } })
    expect(nodes(graph).at(-1)?.copiesFrom).toBe('spread.0')
  })

  it('leaves a format alone that was given to the exchange, and records that were changed', () => {
    const other = { ...json<Bid>(), format: 'mine@1' }
    const given = planned((env) => {
      env
        .topic('bids', json<Bid>())
        .keyBy('auction', { serde: other })
        .reduce((_, bid) => bid)
        .toTopic('out', json())
    }, 2)
    expect(exchanges(given)[0]).toMatchObject({ copiesFrom: null, value: { format: 'mine@1' } })
    const changed = planned((env) => {
      env
        .topic('bids', json<Bid>())
        .map((bid) => bid)
        .keyBy('auction')
        .reduce((_, bid) => bid)
        .toTopic('out', json())
    }, 2)
    expect(exchanges(changed)[0]).toMatchObject({ copiesFrom: null, value: { format: 'msgpack@1' } })
  })

  it('keeps the format of what travels whatever the parallelism', () => {
    const format = (parallelism: number): string[] =>
      nodes(
        planned((env) => {
          env
            .topic('bids', json<Bid>())
            .keyBy('auction')
            .reduce((_, bid) => bid)
            .toTopic('out', json())
        }, parallelism),
      ).flatMap(({ node }) =>
        node.inputs.flatMap(({ partitioning }) => ('value' in partitioning ? [partitioning.value.format] : [])),
      )
    expect(format(1)).toEqual(['json@1'])
    expect(format(2)).toEqual(['json@1'])
  })
})

describe('decoding what is used only', () => {
  it('follows project, keyBy and the time of the source by the names of their fields', () => {
    const graph = (parallelism: number): JobGraph =>
      planned((env) => {
        const bids = env.topic('bids', projectable(), timed)
        bids.project('price').toTopic('prices', json())
        bids
          .keyBy('auction')
          .reduce((_, bid) => bid)
          .toTopic('last', json())
      }, parallelism)
    expect(sourceFormat(graph(2))).toBe('json@1 of auction+price+time')
    // With one task the function of reduce gets the records of the source itself.
    expect(sourceFormat(graph(1))).toBe('json@1 of all')
    expect(exchanges(graph(2))[0]?.value.format).toBe('json@1 of all')
  })

  it('decodes nothing of records that are copied without being looked at', () => {
    const bids = projectable()
    const copied = planned((env) => void env.topic('bids', bids).toTopic('out', bids), 1)
    expect(sourceFormat(copied)).toBe('json@1 of nothing')
    const keyed = planned((env) => void env.topic('bids', bids).toTopic('out', bids, { key: (bid) => bid.auction }), 1)
    expect(sourceFormat(keyed)).toBe('json@1 of all')
  })

  it('decodes all for a function, which may look at anything', () => {
    const bids = projectable()
    for (const time of [watermarks.bounded<Bid>(0, (bid) => bid.time), watermarks.bounded<Bid>(0, 'time')]) {
      const graph = planned((env) => {
        env
          .topic('bids', bids, { time })
          .filter(({ price }) => price > 1)
          .toTopic('out', json())
      }, 1)
      expect(sourceFormat(graph)).toBe('json@1 of all')
    }
    const read = planned((env) => {
      env
        .topic('bids', bids, { time: watermarks.bounded<Bid>(0, (bid) => bid.time) })
        .project('price')
        .toTopic('out', json())
    }, 1)
    expect(sourceFormat(read)).toBe('json@1 of all')
  })
})
