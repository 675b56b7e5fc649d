import { type Collector, type DataStream, type Environment, job, valueState } from '@millrace/core'
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

/** What a run tells of its rounds, over all of its tasks. */
export interface Observed {
  /** When each round ended, by `performance.now()`; the first entry is when the first one began. */
  readonly times: number[]
  /** Records that came out of each, and edges that were gone over. */
  readonly worksets: number[]
  readonly visits: number[]
}

function vertices(env: Environment, { vertices: count, starts, ends }: Graph): DataStream<Vertex> {
  return env.generate({
    count,
    make: (id): Vertex => ({ id, links: Array.from(ends.subarray(starts[id], starts[id + 1])) }),
  })
}

/** Notes the ends of the rounds, counts the records that come out of them, and the edges that the next one goes over for these. */
function observed<T extends { readonly id: number }>(
  stream: DataStream<T>,
  { starts, ends }: Graph,
  { times, worksets, visits }: Observed,
): DataStream<T> {
  let records = 0
  let edges = 0
  visits[0] = ends.length
  return stream.process({
    onRecord(record, _context, out: Collector<T>) {
      records++
      edges += (starts[record.id + 1] as number) - (starts[record.id] as number)
      out.emit(record)
    },
    onRoundEnd({ index, round: { number } }) {
      if (index === 0) times.push(performance.now())
      worksets[number - 1] = (worksets[number - 1] ?? 0) + records
      visits[number] = (visits[number] ?? 0) + edges
      records = 0
      edges = 0
    },
  })
}

function linksOf(vertex: Vertex | undefined, { times }: Observed): readonly number[] {
  // The first round has begun.
  if (times.length === 0) times.push(performance.now())
  return vertex?.links ?? []
}

interface Label {
  readonly id: number
  readonly component: number
}

/** Connected components of a graph whose edges go both ways, as a delta iteration. */
export function componentsJob(graph: Graph, rounds: Observed, components: Uint32Array): ReturnType<typeof job> {
  return job('components', (env) => {
    const all = vertices(env, graph)
    const labels = all.map(({ id }): Label => ({ id, component: id }))
    labels
      .keyBy('id')
      .iterateDelta(labels.keyBy('id'), (changed, solution, loop) => {
        const told = loop.join(changed, all.keyBy('id'), ({ component }, [vertex], out: Collector<Label>) => {
          for (const id of linksOf(vertex, rounds)) out.emit({ id, component })
        })
        const combine = (left: Label, right: Label): Label => (left.component < right.component ? left : right)
        const next = solution.coGroup(
          told.keyBy('id'),
          ([least], { current, update }, out: Collector<Label>) => {
            if (least === undefined || current === undefined || least.component >= current.component) return
            update(least)
            out.emit(least)
          },
          { combine },
        )
        return observed(next, graph, rounds)
      })
      .to(
        sink<Label>(({ id, component }) => {
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
        (partial, loop) => {
          const shares = loop.join(
            partial.keyBy('id'),
            links.keyBy('id'),
            ({ id, rank }, [vertex], out: Collector<Rank>) => {
              const ends = linksOf(vertex, rounds)
              const share = rank / ends.length
              out.emit({ id, rank: 0 })
              for (const end of ends) out.emit({ id: end, rank: share })
            },
          )
          const next = shares.keyBy('id').process({
            lifetime: 'round',
            state: { sum: valueState({ initial: 0 }) },
            onRecord: ({ rank }, { state }) => state.sum.set(state.sum.get() + rank),
            onRoundEnd({ key, state }, out: Collector<Rank>) {
              out.emit({ id: key, rank: 0.15 / graph.vertices + 0.85 * state.sum.get() })
            },
          })
          return observed(next, graph, rounds)
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
