import { type DataStream, type Environment, job, silentLogger } from '@millrace/core'
import { describe, expect, it } from 'vitest'
import { closureOf, componentsOf, lineThrough, meansOf, ranksOf, shortestPathsFrom } from '../direct.ts'
import * as generate from '../generate.ts'
import { components, pageRank, shortestPaths, transitiveClosure } from '../graphs.ts'
import { kMeans, regression } from '../learning.ts'

async function collected<T>(parallelism: number, describeStream: (env: Environment) => DataStream<T>): Promise<T[]> {
  const records: T[] = []
  const own = job('iterations', (env) => {
    describeStream(env).collect(records)
  })
  await own.run({ parallelism, logger: silentLogger, allowVolatileState: true })
  return records
}

function sorted<T>(records: readonly T[]): string[] {
  return records.map((record) => JSON.stringify(record)).sort()
}

describe.each([1, 2, 3])('with %i tasks', (parallelism) => {
  it.each([1, 2, 3])('connected components are those of union-find (graph %i)', async (seed) => {
    const edges = generate.edges(seed, 120, 110).map(({ from, to }) => ({ from, to }))
    const found = await collected(parallelism, (env) => components(env.from(edges)))
    expect(sorted(found)).toEqual(sorted(componentsOf(edges)))
  })

  it.each([1, 2, 3])('shortest paths are those of Dijkstra (graph %i)', async (seed) => {
    const edges = generate.edges(seed, 60, 200)
    const [first] = edges
    const source = { vertex: first?.from ?? 0, distance: 0 }
    const found = await collected(parallelism, (env) => shortestPaths(env.from(edges), env.from([source])))
    expect(sorted(found)).toEqual(sorted(shortestPathsFrom(source.vertex, edges)))
  })

  it.each([1, 2])('a transitive closure is what a search from every vertex finds (graph %i)', async (seed) => {
    const edges = generate.edges(seed, 40, 45).map(({ from, to }) => ({ from, to }))
    const found = await collected(parallelism, (env) => transitiveClosure(env.from(edges)))
    expect(sorted(found)).toEqual(sorted(closureOf(edges)))
  })

  it('page ranks solve their linear equations', async () => {
    const pages = generate.pages(1, 60)
    const ranks = await collected(parallelism, (env) => pageRank(env.from(pages), { pages: 60, tolerance: 1e-12 }))
    const expected = ranksOf(pages, 0.85)
    ranks.sort((a, b) => a.page - b.page)
    expect(ranks.map(({ page }) => page)).toEqual(expected.map(({ page }) => page))
    for (const [at, { rank }] of ranks.entries()) expect(rank).toBeCloseTo(expected[at]?.rank ?? Number.NaN, 9)
  })

  it('k-means ends where it ends over arrays', async () => {
    const points = generate.points(4, 400)
    const initial = points.slice(0, 12)
    const found = await collected(parallelism, (env) => kMeans(env.from(points), env.from(initial), 50))
    expect(sorted(found)).toEqual(sorted(meansOf(points, initial, 50)))
  })

  it('k-means stops after the rounds it may take', async () => {
    const points = generate.points(4, 400)
    const initial = points.slice(0, 12)
    const found = await collected(parallelism, (env) => kMeans(env.from(points), env.from(initial), 2))
    expect(sorted(found)).toEqual(sorted(meansOf(points, initial, 2)))
  })

  it('a regression that learns while samples stream in comes to the line of least squares', async () => {
    const samples = generate.samples(6, 6_000)
    const [line, ...more] = await collected(parallelism, (env) =>
      regression(env.from(samples), env.from([{ slope: 0, intercept: 0 }]), {
        learningRate: 0.5,
        batch: 20,
        shards: 4,
      }),
    )
    expect(more).toEqual([])
    const expected = lineThrough(samples)
    expect(line?.slope).toBeCloseTo(expected.slope, 2)
    expect(line?.intercept).toBeCloseTo(expected.intercept, 2)
  })
})
