import { memoryLog, redis, silentLogger } from '@millrace/core'
import { randomEdges } from './graph.ts'
import { componentsJob, type Graph, type Observed, pageRankJob } from './programs.ts'

export interface LoopRun {
  readonly program: 'components' | 'page-rank'
  readonly vertices: number
  /** Of the graph; components go over them both ways. */
  readonly edges: number
  readonly rounds: number
  readonly epochMs: number
  readonly parallelism: number
  readonly redisUrl: string
}

export interface LoopOutcome {
  readonly rounds: number
  readonly totalMs: number
  readonly loopMs: number
  /** Of the process, all of it. */
  readonly cpuMs: number
  /** The same by a loop over arrays, after which the result is checked. */
  readonly arraysMs: number
  /** Of each round: how long it took, how many records came out of it, and how many edges it went over. */
  readonly perRound: readonly { readonly ms: number; readonly records: number; readonly edges: number }[]
  readonly graphBytes: number
  readonly peakBytes: number
}

/** One run in a process of its own, so that its peak of memory is its own. */
const options = JSON.parse(process.argv[2] ?? '{}') as LoopRun
process.stdout.write(JSON.stringify(await run(options)))

async function run({
  program,
  vertices,
  edges,
  rounds: maxRounds,
  epochMs,
  parallelism,
  redisUrl,
}: LoopRun): Promise<LoopOutcome> {
  const [from, to] = randomEdges(vertices, edges)
  const graph = program === 'components' ? asGraph(vertices, [from, to], [to, from]) : asGraph(vertices, [from], [to])
  const observed: Observed = { times: [], worksets: [], visits: [] }
  const components = new Uint32Array(vertices)
  const ranks = new Float64Array(vertices)
  const job =
    program === 'components'
      ? componentsJob(graph, observed, components)
      : pageRankJob(graph, observed, maxRounds, ranks)
  const startedAt = performance.now()
  const state = redis({ url: redisUrl })
  await job.run({ log: memoryLog(), state, logger: silentLogger, epochInterval: epochMs, parallelism })
  const totalMs = performance.now() - startedAt
  const { user, system } = process.cpuUsage()
  const checkedAt = performance.now()
  if (program === 'components') checkComponents(from, to, components)
  else checkRanks(graph, ranks, maxRounds)
  const arraysMs = performance.now() - checkedAt
  const { times, worksets, visits } = observed
  const perRound = worksets.map((records, at) => ({
    ms: (times[at + 1] ?? 0) - (times[at] ?? 0),
    records,
    edges: visits[at] ?? 0,
  }))
  return {
    rounds: worksets.length,
    totalMs,
    cpuMs: (user + system) / 1_000,
    arraysMs,
    loopMs: (times.at(-1) ?? 0) - (times[0] ?? 0),
    perRound,
    graphBytes: graph.starts.byteLength + graph.ends.byteLength,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  }
}

function asGraph(vertices: number, from: readonly Uint32Array[], to: readonly Uint32Array[]): Graph {
  const starts = new Uint32Array(vertices + 1)
  for (const list of from) for (const vertex of list) starts[vertex + 1] = (starts[vertex + 1] as number) + 1
  for (let vertex = 0; vertex < vertices; vertex++) {
    starts[vertex + 1] = (starts[vertex + 1] as number) + (starts[vertex] as number)
  }
  const ends = new Uint32Array(starts[vertices] as number)
  const next = starts.slice()
  from.forEach((list, at) => {
    list.forEach((vertex, edge) => {
      ends[next[vertex] as number] = to[at]?.[edge] as number
      next[vertex] = (next[vertex] as number) + 1
    })
  })
  return { vertices, starts, ends }
}

/** By union-find. */
function checkComponents(from: Uint32Array, to: Uint32Array, found: Uint32Array): void {
  const parent = Uint32Array.from(found, (_, vertex) => vertex)
  const root = (vertex: number): number => {
    let at = vertex
    while (parent[at] !== at) {
      parent[at] = parent[parent[at] as number] as number
      at = parent[at] as number
    }
    return at
  }
  from.forEach((vertex, edge) => {
    const [a, b] = [root(vertex), root(to[edge] as number)]
    parent[Math.max(a, b)] = Math.min(a, b)
  })
  found.forEach((component, vertex) => {
    if (component !== root(vertex))
      throw new Error(`Vertex ${vertex} is in ${root(vertex)}, but ${component} was found.`)
  })
}

/** By the same rounds over arrays. */
function checkRanks({ vertices, starts, ends }: Graph, found: Float64Array, rounds: number): void {
  let ranks = new Float64Array(vertices).fill(1 / vertices)
  for (let round = 0; round < rounds; round++) {
    const next = new Float64Array(vertices).fill(0.15 / vertices)
    for (let vertex = 0; vertex < vertices; vertex++) {
      const [start, end] = [starts[vertex] as number, starts[vertex + 1] as number]
      const share = (0.85 * (ranks[vertex] as number)) / (end - start)
      for (let at = start; at < end; at++) next[ends[at] as number] = (next[ends[at] as number] as number) + share
    }
    ranks = next
  }
  found.forEach((rank, vertex) => {
    if (Math.abs(rank - (ranks[vertex] as number)) > 1e-9 / vertices) {
      throw new Error(`Vertex ${vertex} has the rank ${ranks[vertex]}, but ${rank} was found.`)
    }
  })
}
