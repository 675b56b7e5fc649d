import type { Component, Distance, Edge, Page, Rank, WeightedEdge } from './graphs.ts'
import type { Line, Point, Sample } from './learning.ts'

/*
 * The same results by other means, without rounds and streams: what the examples are checked against.
 */

/** Union-find. */
export function componentsOf(edges: readonly Edge[]): Component[] {
  const parent = new Map<number, number>()
  const root = (vertex: number): number => {
    let at = vertex
    for (let next = parent.get(at) ?? at; next !== at; next = parent.get(at) ?? at) at = next
    return at
  }
  for (const { from, to } of edges) {
    for (const vertex of [from, to]) if (!parent.has(vertex)) parent.set(vertex, vertex)
    const [a, b] = [root(from), root(to)]
    parent.set(Math.max(a, b), Math.min(a, b))
  }
  return [...parent.keys()].map((vertex) => ({ vertex, component: root(vertex) }))
}

/** Dijkstra, with a list in place of a heap. */
export function shortestPathsFrom(source: number, edges: readonly WeightedEdge[]): Distance[] {
  const done = new Map<number, number>()
  const open = new Map([[source, 0]])
  while (open.size > 0) {
    const [vertex, distance] = [...open].reduce((a, b) => (b[1] < a[1] ? b : a))
    open.delete(vertex)
    done.set(vertex, distance)
    for (const { from, to, weight } of edges) {
      if (from !== vertex || done.has(to)) continue
      open.set(to, Math.min(open.get(to) ?? Number.POSITIVE_INFINITY, distance + weight))
    }
  }
  return [...done].map(([vertex, distance]) => ({ vertex, distance }))
}

/** A search from every vertex. */
export function closureOf(edges: readonly Edge[]): Edge[] {
  const ends = new Map<number, number[]>()
  for (const { from, to } of edges) ends.set(from, [...(ends.get(from) ?? []), to])
  return [...ends.keys()].flatMap((from) => {
    const reached = new Set<number>()
    const waiting = [...(ends.get(from) ?? [])]
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      if (reached.has(at)) continue
      reached.add(at)
      waiting.push(...(ends.get(at) ?? []))
    }
    return [...reached].map((to) => ({ from, to }))
  })
}

/** The linear equations of the ranks, solved by elimination. */
export function ranksOf(pages: readonly Page[], damping: number): Rank[] {
  const n = pages.length
  const at = new Map(pages.map(({ page }, index) => [page, index]))
  const rows = pages.map((_, index) => {
    const row = new Array<number>(n + 1).fill(0)
    row[index] = 1
    row[n] = (1 - damping) / n
    return row
  })
  for (const { page, links } of pages) {
    for (const link of links) {
      const row = rows[at.get(link) as number] as number[]
      const column = at.get(page) as number
      row[column] = (row[column] as number) - damping / links.length
    }
  }
  for (let column = 0; column < n; column++) {
    const pivot = rows[column] as number[]
    for (let other = 0; other < n; other++) {
      const row = rows[other] as number[]
      const factor = (row[column] as number) / (pivot[column] as number)
      if (other === column || factor === 0) continue
      for (let k = column; k <= n; k++) row[k] = (row[k] as number) - factor * (pivot[k] as number)
    }
  }
  return pages.map(({ page }, index) => {
    const row = rows[index] as number[]
    return { page, rank: (row[n] as number) / (row[index] as number) }
  })
}

/** Lloyd's algorithm over arrays. */
export function meansOf(points: readonly Point[], initial: readonly Point[], maxRounds: number): Point[] {
  let centroids = [...initial]
  for (let round = 0; round < maxRounds; round++) {
    const groups = centroids.map((): Point[] => [])
    for (const point of points) {
      const distances = centroids.map(({ x, y }) => (point.x - x) ** 2 + (point.y - y) ** 2)
      groups[distances.indexOf(Math.min(...distances))]?.push(point)
    }
    const next = centroids.map((old, at) => {
      const group = groups[at] as Point[]
      const mean = (value: (point: Point) => number): number =>
        group.reduce((sum, own) => sum + value(own), 0) / group.length
      return group.length === 0 ? old : { id: old.id, x: mean(({ x }) => x), y: mean(({ y }) => y) }
    })
    const isSame = next.every(({ x, y }, at) => x === centroids[at]?.x && y === centroids[at]?.y)
    centroids = next
    if (isSame) break
  }
  return centroids
}

/** Least squares, by the normal equations. */
export function lineThrough(samples: readonly Sample[]): Line {
  const n = samples.length
  const sum = (value: (sample: Sample) => number): number => samples.reduce((total, own) => total + value(own), 0)
  const [x, y, xx, xy] = [sum((s) => s.x), sum((s) => s.y), sum((s) => s.x * s.x), sum((s) => s.x * s.y)]
  const slope = (n * xy - x * y) / (n * xx - x * x)
  return { slope, intercept: (y - slope * x) / n }
}
