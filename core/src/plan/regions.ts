import type { LogicalEdge, LogicalGraph, LogicalNode } from './logical-graph.ts'

/** Which edges become exchanges, and which nodes run together. */
export interface Cut {
  readonly isCut: (node: LogicalNode, edge: LogicalEdge) => boolean
  /** For each node, the least id among the nodes of its region. */
  readonly regionOf: readonly number[]
}

/**
 * Cuts the graph at its hash edges, where there is more than one task. Where that would leave a region that feeds itself
 * through an exchange (a stream joined with a keyed version of itself), forward edges between nodes that are a different
 * number of hash edges away from the sources are cut too: levels only rise, so no circle is left.
 */
export function cutRegions(graph: LogicalGraph, parallelism: number): Cut {
  const hashOnly = (_: LogicalNode, { partitioning }: LogicalEdge): boolean => parallelism > 1 && partitioning.kind === 'hash'
  const regionOf = connect(graph, hashOnly)
  if (isAcyclic(graph, hashOnly, regionOf)) return { isCut: hashOnly, regionOf }
  const level = levels(graph)
  const betweenLevels = (node: LogicalNode, edge: LogicalEdge): boolean =>
    hashOnly(node, edge) || level[edge.from] !== level[node.id]
  return { isCut: betweenLevels, regionOf: connect(graph, betweenLevels) }
}

function levels(graph: LogicalGraph): number[] {
  const level: number[] = []
  for (const node of graph.nodes) {
    level[node.id] = Math.max(
      0,
      ...node.inputs.map(({ from, partitioning }) => (level[from] as number) + (partitioning.kind === 'hash' ? 1 : 0)),
    )
  }
  return level
}

/** Joins the nodes of every edge that is not cut (union-find, the least id stands for all). */
function connect(graph: LogicalGraph, isCut: Cut['isCut']): number[] {
  const parent = graph.nodes.map(({ id }) => id)
  const root = (id: number): number => {
    let at = id
    while (parent[at] !== at) at = parent[at] as number
    return at
  }
  for (const node of graph.nodes) {
    for (const edge of node.inputs) {
      if (isCut(node, edge)) continue
      const [a, b] = [root(edge.from), root(node.id)]
      parent[Math.max(a, b)] = Math.min(a, b)
    }
  }
  return graph.nodes.map(({ id }) => root(id))
}

function isAcyclic(graph: LogicalGraph, isCut: Cut['isCut'], regionOf: readonly number[]): boolean {
  const readers = new Map<number, Set<number>>()
  const waiting = new Map<number, number>(regionOf.map((region) => [region, 0]))
  for (const node of graph.nodes) {
    for (const edge of node.inputs) {
      if (!isCut(node, edge)) continue
      const [from, to] = [regionOf[edge.from] as number, regionOf[node.id] as number]
      const known = readers.get(from) ?? new Set<number>()
      readers.set(from, known)
      if (known.has(to)) continue
      known.add(to)
      waiting.set(to, (waiting.get(to) ?? 0) + 1)
    }
  }
  const ready = [...waiting].filter(([, count]) => count === 0).map(([region]) => region)
  let done = 0
  for (let region = ready.pop(); region !== undefined; region = ready.pop()) {
    done++
    for (const reader of readers.get(region) ?? []) {
      const left = (waiting.get(reader) as number) - 1
      waiting.set(reader, left)
      if (left === 0) ready.push(reader)
    }
  }
  return done === waiting.size
}
