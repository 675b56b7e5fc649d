import {
  type Collector,
  type DataStream,
  type Environment,
  job,
  type SolutionContext,
  valueState,
} from '@millrace/core'
import type { Sink } from '@millrace/core/spi'

/** A directed graph as arrays: the edges of vertex v are `ends[starts[v]] … ends[starts[v + 1] - 1]`. */
export interface Graph {
  readonly vertices: number
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

interface Vertex {
  readonly id: number
  readonly links: readonly number[]
}

export interface Observed {
  /** When each round ended, by `performance.now()`; the first entry is when the first one began. */
  readonly times: number[]
  /** Records that went round in each. */
  readonly worksets: number[]
}

function vertices(env: Environment, { vertices: count, starts, ends }: Graph): DataStream<Vertex> {
  return env.generate({
    count,
    make: (id): Vertex => ({ id, links: Array.from(ends.subarray(starts[id], starts[id + 1])) }),
  })
}

/** Notes the rounds of a stream of the loop; counts its records. */
function observed<T>(stream: DataStream<T>, { times, worksets }: Observed): DataStream<T> {
  let records = 0
  return stream.process({
    onRecord(record, { round }, out: Collector<T>) {
      if (times.length === 0 && round.number === 1) times.push(performance.now())
      records++
      out.emit(record)
    },
    onRoundEnd() {
      times.push(performance.now())
      worksets.push(records)
      records = 0
    },
  })
}

interface Label {
  readonly id: number
  readonly component: number
}

interface Labelled extends Vertex {
  readonly component: number
}

type Met = SolutionContext<number, Labelled>

/** Connected components of a graph whose edges go both ways, as a delta iteration. */
export function componentsJob(graph: Graph, rounds: Observed, components: Uint32Array): ReturnType<typeof job> {
  return job('components', (env) => {
    const all = vertices(env, graph)
    all
      .map((vertex): Labelled => ({ ...vertex, component: vertex.id }))
      .keyBy('id')
      .iterateDelta(all.map(({ id }): Label => ({ id, component: -1 })).keyBy('id'), (workset, solution) => {
        // The first round has one record of each vertex, below all components, so that it tells its own.
        const meet = ([least]: readonly Label[], { current, update }: Met, out: Collector<Label>): void => {
          if (least === undefined || current === undefined) return
          const component = least.component < 0 ? current.component : least.component
          if (least.component >= current.component) return
          if (least.component >= 0) update({ ...current, component })
          for (const id of current.links) out.emit({ id, component })
        }
        const combine = (left: Label, right: Label): Label => (left.component < right.component ? left : right)
        const next = solution.coGroup(workset, meet, { combine })
        return observed(next, rounds)
      })
      .to(
        sink<Labelled>(({ id, component }) => {
          components[id] = component
        }),
      )
  })
}

interface Rank {
  readonly id: number
  readonly rank: number
}

/** A fixed number of rounds of PageRank, as a bulk iteration over links that are read once. */
export function pageRankJob(
  graph: Graph,
  rounds: Observed,
  maxRounds: number,
  ranks: Float64Array,
): ReturnType<typeof job> {
  return job('page-rank', (env) => {
    const links = vertices(env, graph)
    links
      .map(({ id }): Rank => ({ id, rank: 1 / graph.vertices }))
      .iterateBulk(
        (partial) => {
          const shares = partial
            .keyBy('id')
            .connect(links.keyBy('id'))
            .process({
              state: { links: valueState<readonly number[]>({ initial: [] }) },
              onLeft({ id, rank }, { state }, out: Collector<Rank>) {
                const ends = state.links.get()
                const share = rank / ends.length
                out.emit({ id, rank: 0 })
                for (const end of ends) out.emit({ id: end, rank: share })
              },
              onRight: (vertex, { state }) => state.links.set(vertex.links),
            })
          return observed(shares, rounds)
            .keyBy('id')
            .process({
              lifetime: 'round',
              state: { sum: valueState({ initial: 0 }) },
              onRecord: ({ rank }, { state }) => state.sum.set(state.sum.get() + rank),
              onRoundEnd({ key, state }, out: Collector<Rank>) {
                out.emit({ id: key, rank: 0.15 / graph.vertices + 0.85 * state.sum.get() })
              },
            })
        },
        { maxRounds },
      )
      .to(
        sink<Rank>(({ id, rank }) => {
          ranks[id] = rank
        }),
      )
  })
}

function sink<T>(write: (value: T) => void): Sink<T> {
  return {
    name: 'arrays',
    guarantee: 'idempotent',
    async open() {
      return { write, async flush() {}, async close() {} }
    },
  }
}
