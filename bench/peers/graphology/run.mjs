import graphology from 'graphology'
import { countConnectedComponents } from 'graphology-components'
import pagerank from 'graphology-metrics/centrality/pagerank.js'
import { randomEdges } from '../../loops/graph.ts'

// Connected components, or a fixed number of rounds of PageRank, on the same graph, all of it in memory.
const { program, vertices, edges, rounds } = JSON.parse(process.argv[2] ?? '{}')
const [from, to] = randomEdges(vertices, edges)
const beganAt = performance.now()
const graph = program === 'components' ? new graphology.MultiUndirectedGraph() : new graphology.MultiDirectedGraph()
for (let vertex = 0; vertex < vertices; vertex++) graph.addNode(vertex)
for (let edge = 0; edge < edges; edge++) graph.addEdge(from[edge], to[edge])
const builtAt = performance.now()
const result = program === 'components' ? `${countConnectedComponents(graph)} components` : ranked()
const endedAt = performance.now()
const { user, system } = process.cpuUsage()
process.stdout.write(
  JSON.stringify({
    buildMs: builtAt - beganAt,
    runMs: endedAt - builtAt,
    cpuMs: (user + system) / 1_000,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    result,
  }),
)

function ranked() {
  try {
    pagerank(graph, { alpha: 0.85, maxIterations: rounds, tolerance: 0, getEdgeWeight: null })
  } catch (error) {
    // It knows no fixed number of rounds: with no tolerance it makes all of them, and then says that this was not enough.
    if (!String(error).includes('failed to converge')) throw error
  }
  return `${rounds} rounds`
}
