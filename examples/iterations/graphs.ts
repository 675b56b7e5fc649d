import { aggregators, type Collector, type DataStream, listState, valueState } from '@millrace/core'
import { type OnRounds, roundsOf } from './rounds.ts'

export interface Edge {
  readonly from: number
  readonly to: number
}

export interface WeightedEdge extends Edge {
  readonly weight: number
}

export interface Component {
  readonly vertex: number
  /** The least vertex that can be reached. */
  readonly component: number
}

/** The components of an undirected graph: every vertex tells its neighbours the least vertex it knows of, as long as there are news. */
export function components(edges: DataStream<Edge>, onRounds?: OnRounds): DataStream<Component> {
  const both = edges.flatMap(({ from, to }) => [
    { from, to },
    { from: to, to: from },
  ])
  const known = both.map(({ from }): Component => ({ vertex: from, component: from }))
  const told = both.map(({ from, to }): Component => ({ vertex: to, component: from }))
  return known.keyBy('vertex').iterateDelta(told.keyBy('vertex'), (workset, solution) => {
    const changed = solution.coGroup(workset, (candidates, { key, current, update }, out: Collector<Component>) => {
      let least = key
      for (const { component } of candidates) least = Math.min(least, component)
      if (current !== undefined && least >= current.component) return
      update({ vertex: key, component: least })
      out.emit({ vertex: key, component: least })
    })
    onRounds?.(roundsOf(changed))
    return changed
      .keyBy('vertex')
      .connect(both.keyBy('from'))
      .process({
        state: { neighbours: listState<number>() },
        onLeft({ component }, { state }, out: Collector<Component>) {
          for (const vertex of state.neighbours.get()) out.emit({ vertex, component })
        },
        onRight: ({ to }, { state }) => state.neighbours.add(to),
      })
  })
}

export interface Distance {
  readonly vertex: number
  readonly distance: number
}

/** Shortest distances from a vertex over edges with weights that are not negative (Bellman and Ford, in rounds). */
export function shortestPaths(edges: DataStream<WeightedEdge>, source: DataStream<Distance>): DataStream<Distance> {
  return source
    .filter(() => false)
    .keyBy('vertex')
    .iterateDelta(source.keyBy('vertex'), (workset, solution) => {
      const nearer = solution.coGroup(workset, (candidates, { key, current, update }, out: Collector<Distance>) => {
        let least = Number.POSITIVE_INFINITY
        for (const { distance } of candidates) least = Math.min(least, distance)
        if (current !== undefined && least >= current.distance) return
        update({ vertex: key, distance: least })
        out.emit({ vertex: key, distance: least })
      })
      return nearer
        .keyBy('vertex')
        .connect(edges.keyBy('from'))
        .process({
          state: { edges: listState<WeightedEdge>() },
          onLeft({ distance }, { state }, out: Collector<Distance>) {
            for (const { to, weight } of state.edges.get()) out.emit({ vertex: to, distance: distance + weight })
          },
          onRight: (edge, { state }) => state.edges.add(edge),
        })
    })
}

/** All pairs between which there is a way: each round makes the ways longer by an edge. */
export function transitiveClosure(edges: DataStream<Edge>): DataStream<Edge> {
  const pair = ({ from, to }: Edge): readonly [number, number] => [from, to]
  return edges
    .filter(() => false)
    .keyBy(pair)
    .iterateDelta(edges.keyBy(pair), (workset, solution) => {
      const found = solution.coGroup(workset, ([way], { current, update }, out: Collector<Edge>) => {
        if (way === undefined || current !== undefined) return
        update(way)
        out.emit(way)
      })
      return found
        .keyBy('to')
        .connect(edges.keyBy('from'))
        .process({
          state: { ends: listState<number>() },
          onLeft({ from }, { state }, out: Collector<Edge>) {
            for (const to of state.ends.get()) out.emit({ from, to })
          },
          onRight: ({ to }, { state }) => state.ends.add(to),
        })
    })
}

export interface Page {
  readonly page: number
  /** At least one. */
  readonly links: readonly number[]
}

export interface Rank {
  readonly page: number
  readonly rank: number
}

export interface PageRankOptions {
  readonly pages: number
  readonly damping?: number
  readonly maxRounds?: number
  /** The ranks are good enough when all changes of a round together are less. */
  readonly tolerance?: number
}

/** PageRank by rounds over links that stay the same: they are read once, into state. */
export function pageRank(
  pages: DataStream<Page>,
  { pages: count, damping = 0.85, maxRounds = 200, tolerance = 1e-9 }: PageRankOptions,
): DataStream<Rank> {
  const change = aggregators.sum('change')
  return pages
    .map(({ page }): Rank => ({ page, rank: 1 / count }))
    .iterateBulk(
      (ranks, loop) => {
        const shares = ranks
          .keyBy('page')
          .connect(pages.keyBy('page'))
          .process({
            state: { links: valueState<readonly number[]>({ initial: [] }) },
            onLeft({ page, rank }, { state }, out: Collector<Rank>) {
              const links = state.links.get()
              // So that pages stay to which nobody links.
              out.emit({ page, rank: 0 })
              for (const link of links) out.emit({ page: link, rank: rank / links.length })
            },
            onRight: ({ links }, { state }) => state.links.set(links),
          })
        const next = shares.keyBy('page').process({
          state: { sum: valueState({ initial: 0 }), rank: valueState({ initial: 1 / count }) },
          onRecord: ({ rank }, { state }) => state.sum.set(state.sum.get() + rank),
          onRoundEnd({ key, state }, out: Collector<Rank & { readonly change: number }>) {
            const rank = (1 - damping) / count + damping * state.sum.get()
            out.emit({ page: key, rank, change: Math.abs(rank - state.rank.get()) })
            state.rank.set(rank)
            state.sum.clear()
          },
        })
        loop.aggregate(
          change,
          next.map((rank) => rank.change),
        )
        return next.map(({ page, rank }): Rank => ({ page, rank }))
      },
      { maxRounds, converged: (round) => round.get(change) < tolerance },
    )
}
