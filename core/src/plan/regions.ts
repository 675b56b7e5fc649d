import { StreamError } from '../errors.ts'
import { isExchanged, type LogicalEdge, type LogicalGraph, type LogicalNode } from './logical-graph.ts'

/** Whether the edge becomes an exchange. */
type IsCut = (node: LogicalNode, edge: LogicalEdge) => boolean

/** Which edges become exchanges, and which nodes run together. */
export interface Cut {
  readonly isCut: IsCut
  /** For each node, the least id among the nodes of its region. */
  readonly regionOf: readonly number[]
  /** Every region's least id; a region comes after those that feed it. */
  readonly order: readonly number[]
}

/**
 * With one task everything is one region, even branches that do not touch. Above, cuts the graph where records change their task. That
 * may leave regions that feed themselves through exchanges (a stream joined with a keyed version of itself). Within these,
 * forward edges between nodes that are a different number of exchanges away from the sources are cut too. Levels only
 * rise along edges, so no circle is left but that of a loop, whose way back is an exchange too and leads nowhere else.
 */
export function cutRegions(graph: LogicalGraph, parallelism: number): Cut {
  if (parallelism === 1) return { isCut: () => false, regionOf: graph.nodes.map(() => 0), order: [0] }
  const needed: IsCut = (_, { partitioning, isFeedback }) => isFeedback === true || isExchanged(partitioning)
  const coarse = connect(graph, needed)
  const circular = onCircles(readersOf(graph, needed, coarse))
  if (circular.size === 0) return { isCut: needed, regionOf: coarse, order: topological(graph, needed, coarse) }
  const level = levels(graph)
  const isCut: IsCut = (node, edge) =>
    needed(node, edge) || (circular.has(coarse[node.id] as number) && level[edge.from] !== level[node.id])
  const regionOf = connect(graph, isCut)
  return { isCut, regionOf, order: topological(graph, isCut, regionOf) }
}

/**
 * The greatest number of exchanges on a way from a source. A source itself is as near to its first reader as it can be: what reads
 * it in the same task does not need an exchange then.
 */
function levels(graph: LogicalGraph): number[] {
  const level: number[] = []
  const ofSources = new Map<number, number>()
  for (const node of graph.nodes) {
    const exchanges = ({ partitioning }: LogicalEdge): number => (isExchanged(partitioning) ? 1 : 0)
    const forth = node.inputs.filter(({ isFeedback }) => !isFeedback)
    const own = Math.max(0, ...forth.map((edge) => (level[edge.from] as number) + exchanges(edge)))
    level[node.id] = own
    for (const edge of forth) {
      if (graph.nodes[edge.from]?.kind !== 'source') continue
      ofSources.set(edge.from, Math.min(ofSources.get(edge.from) ?? Number.POSITIVE_INFINITY, own - exchanges(edge)))
    }
  }
  for (const [source, least] of ofSources) level[source] = least
  return level
}

/** Joins the nodes of every edge that is not cut (union-find, the least id stands for all). */
function connect(graph: LogicalGraph, isCut: IsCut): number[] {
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

/** For each region the regions that it feeds, apart from what loops send back. */
function readersOf(graph: LogicalGraph, isCut: IsCut, regionOf: readonly number[]): Map<number, Set<number>> {
  const readers = new Map(regionOf.map((region) => [region, new Set<number>()]))
  for (const node of graph.nodes) {
    for (const edge of node.inputs) {
      if (isCut(node, edge) && !edge.isFeedback)
        readers.get(regionOf[edge.from] as number)?.add(regionOf[node.id] as number)
    }
  }
  return readers
}

/** Regions whose output comes back to them. */
function onCircles(readers: ReadonlyMap<number, ReadonlySet<number>>): Set<number> {
  const circular = new Set<number>()
  for (const start of readers.keys()) {
    const reached = new Set<number>()
    const waiting = [start]
    for (let region = waiting.pop(); region !== undefined; region = waiting.pop()) {
      for (const reader of readers.get(region) ?? []) {
        if (reached.has(reader)) continue
        reached.add(reader)
        waiting.push(reader)
      }
    }
    if (reached.has(start)) circular.add(start)
  }
  return circular
}

/** Kahn's algorithm; of the regions that could be next, the one that was written first. */
function topological(graph: LogicalGraph, isCut: IsCut, regionOf: readonly number[]): number[] {
  const readers = readersOf(graph, isCut, regionOf)
  const open = new Map<number, number>([...readers.keys()].map((region) => [region, 0]))
  for (const fed of readers.values()) for (const reader of fed) open.set(reader, (open.get(reader) as number) + 1)
  const order: number[] = []
  while (open.size > 0) {
    const next = Math.min(...[...open].filter(([, inputs]) => inputs === 0).map(([region]) => region))
    if (!Number.isFinite(next))
      throw new StreamError('INVARIANT_BROKEN', 'The regions of the job feed each other in a circle.')
    open.delete(next)
    order.push(next)
    for (const reader of readers.get(next) ?? []) open.set(reader, (open.get(reader) as number) - 1)
  }
  return order
}
