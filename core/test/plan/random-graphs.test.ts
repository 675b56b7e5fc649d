import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compile } from '../../src/plan/compile.ts'
import type { JobGraph } from '../../src/plan/job-graph.ts'
import { edge, GraphUnderTest } from './graph-under-test.ts'

interface Step {
  readonly kind: 'topic' | 'splits' | 'map' | 'keyed' | 'prepartitioned' | 'union'
  /** Picks the inputs among the nodes before. */
  readonly picks: readonly number[]
  readonly side: boolean
  readonly named: boolean
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('topic', 'splits', 'map', 'map', 'keyed', 'keyed', 'prepartitioned', 'union', 'union'),
  picks: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
  side: fc.boolean(),
  named: fc.boolean(),
})
const program = fc.array(step, { maxLength: 25 })

/** A stream united with a keyed version of itself: a region that would feed itself. */
const selfUnion: Step[] = [
  { kind: 'keyed', picks: [0], side: false, named: false },
  { kind: 'union', picks: [0, 1], side: false, named: false },
]

/** Any program is a graph that can run: what nobody reads gets a sink. */
function build(steps: readonly Step[]): GraphUnderTest {
  const graph = new GraphUnderTest()
  graph.topic('first')
  for (const { kind, picks, side, named } of steps) {
    const at = graph.nodes.length
    const given = named ? { uid: `node-${at}` } : {}
    const tag = side ? 'side' : null
    const inputs = picks.map((pick) => pick % at)
    const topics = graph.nodes.flatMap((node) => (node.type === 'topic-source' ? [node.id] : []))
    if (kind === 'topic') graph.topic(`topic-${at}`, given)
    else if (kind === 'splits') graph.splits(given)
    else if (kind === 'map') graph.operator('map', [edge(inputs[0] as number, 'forward', tag)], given)
    else if (kind === 'union')
      graph.operator(
        'union',
        inputs.map((from) => edge(from, 'forward', tag)),
        given,
      )
    else if (kind === 'keyed')
      graph.operator(
        'keyed',
        inputs.map((from) => edge(from, 'hash', tag)),
        { ...given, keyed: true },
      )
    else {
      const read = picks.map((pick) => edge(topics[pick % topics.length] as number, 'prepartitioned'))
      graph.operator('keyed', read, { ...given, keyed: true })
    }
  }
  const read = new Set(graph.nodes.flatMap((node) => node.inputs.map(({ from }) => from)))
  for (const { id } of [...graph.nodes]) if (!read.has(id)) graph.to(id)
  return graph
}

function compiled(graph: GraphUnderTest, parallelism: number): JobGraph {
  return compile(graph.build(), { parallelism, maxParallelism: 128, topicPartitions: new Map() })
}

/** Region and uid of every node, by its id. */
function placesOf({ regions }: JobGraph): { readonly region: number; readonly uid: string }[] {
  const places: { region: number; uid: string }[] = []
  regions.forEach(({ nodes }, region) => {
    for (const { uid, node } of nodes) {
      expect(places[node.id], `node ${node.id} is in two places`).toBeUndefined()
      places[node.id] = { region, uid }
    }
  })
  return places
}

/** The oracle: nodes whose region, cut at hash edges alone, gets its own output back. By transitive closure. */
function circular({ nodes }: GraphUnderTest): boolean[] {
  const all = nodes.map(({ id }) => id)
  const close = (reach: boolean[][]): boolean[][] => {
    for (const via of all)
      for (const a of all)
        for (const b of all) if (reach[a]?.[via] && reach[via]?.[b]) (reach[a] as boolean[])[b] = true
    return reach
  }
  const together = all.map((a) => all.map((b) => a === b))
  for (const { id, inputs } of nodes) {
    for (const { from, partitioning } of inputs) {
      if (partitioning.kind === 'hash') continue
      ;(together[from] as boolean[])[id] = true
      ;(together[id] as boolean[])[from] = true
    }
  }
  close(together)
  // With any step within a region and at least one through an exchange.
  const through = all.map(() => all.map(() => false))
  for (const { id, inputs } of nodes) {
    for (const { from, partitioning } of inputs) {
      if (partitioning.kind !== 'hash') continue
      for (const a of all)
        for (const b of all) if (together[a]?.[from] && together[id]?.[b]) (through[a] as boolean[])[b] = true
    }
  }
  close(through)
  return all.map((id) => through[id]?.[id] === true)
}

describe('planning any graph', () => {
  it('puts every node into exactly one region, after its inputs', () => {
    fc.assert(
      fc.property(program, fc.constantFrom(1, 2, 5), (steps, parallelism) => {
        const graph = build(steps)
        const job = compiled(graph, parallelism)
        const places = placesOf(job)
        expect(places.filter((place) => place !== undefined)).toHaveLength(graph.nodes.length)
        expect(new Set(places.map(({ uid }) => uid)).size).toBe(graph.nodes.length)
        expect(new Set(job.regions.map(({ id }) => id)).size).toBe(job.regions.length)
        if (parallelism === 1) expect(job.regions).toHaveLength(1)
        for (const { nodes } of job.regions) {
          const ready = new Set<string>()
          for (const { uid, inputs } of nodes) {
            for (const input of inputs) if (input !== null) expect(ready).toContain(input.fromUid)
            ready.add(uid)
          }
        }
      }),
    )
  })

  it('makes every edge either a call within a region or an exchange between two', () => {
    fc.assert(
      fc.property(program, fc.constantFrom(1, 2, 5), (steps, parallelism) => {
        const graph = build(steps)
        const job = compiled(graph, parallelism)
        const places = placesOf(job)
        const exchanges = new Map(
          job.regions.flatMap(({ exchangesIn }) => exchangesIn.map((exchange) => [exchange.id, exchange])),
        )
        const written = job.regions.flatMap(({ exchangesOut }) => exchangesOut)
        expect(new Set(written)).toEqual(new Set(exchanges.values()))
        expect(new Set(written.map(({ topic }) => topic)).size).toBe(exchanges.size)
        const returns = circular(graph)
        for (const { id, inputs } of graph.nodes) {
          inputs.forEach(({ from, tag, partitioning }, input) => {
            const [here, there] = [places[id], places[from]]
            if (here === undefined || there === undefined) throw new Error('a node has no region')
            const compiledInput = job.regions[here.region]?.nodes.find(({ uid }) => uid === here.uid)?.inputs[input]
            const exchange = exchanges.get(`${here.uid}.${input}`)
            if (exchange === undefined) {
              expect(compiledInput).toEqual({ fromUid: there.uid, tag })
              expect(there.region).toBe(here.region)
              expect(partitioning.kind === 'hash' && parallelism > 1).toBe(false)
              return
            }
            exchanges.delete(exchange.id)
            expect(compiledInput).toBeNull()
            expect(exchange).toMatchObject({
              fromUid: there.uid,
              fromTag: tag,
              toUid: here.uid,
              toInput: input,
              partitions: parallelism,
            })
            expect([exchange.fromRegion, exchange.toRegion]).toEqual([
              job.regions[there.region]?.id,
              job.regions[here.region]?.id,
            ])
            expect(exchange.partitioning.kind).toBe(partitioning.kind)
            // Other edges are cut only where their region would have fed itself, prepartitioned ones never.
            if (partitioning.kind !== 'hash') expect([partitioning.kind, returns[id]]).toEqual(['forward', true])
          })
        }
        expect([...exchanges.keys()]).toEqual([])
      }),
    )
  })

  it('never lets a region feed itself, on any way', () => {
    let circles = 0
    fc.assert(
      fc.property(program, (steps) => {
        const graph = build(steps)
        if (circular(graph).includes(true)) circles++
        const { regions } = compiled(graph, 3)
        const place = new Map(regions.map(({ id }, at) => [id, at]))
        for (const { id, exchangesIn } of regions) {
          for (const { fromRegion } of exchangesIn) expect(place.get(fromRegion)).toBeLessThan(place.get(id) as number)
        }
      }),
      { numRuns: 300, examples: [[selfUnion]] },
    )
    expect(circles).toBeGreaterThan(0)
  })

  it('gives a rebuilt program the same uids, regions and hash, and a longer one another hash', () => {
    fc.assert(
      fc.property(program, step, fc.constantFrom(1, 4), (steps, more, parallelism) => {
        const job = compiled(build(steps), parallelism)
        const again = compiled(build(structuredClone(steps)), parallelism)
        expect(again.hash).toBe(job.hash)
        expect(placesOf(again)).toEqual(placesOf(job))
        expect(compiled(build([...steps, more]), parallelism).hash).not.toBe(job.hash)
      }),
    )
  })
})
