import { Random } from '@millrace/core/testing'

/** For the processes that hold one: by itself the heap may not grow to what ten million edges take. */
export const LARGE_HEAP: readonly string[] = ['--max-old-space-size=16384']

/** Vertices of the path that hangs on a graph: it takes as many rounds, with little to do in each. */
const PATH = 100

/** The edges of a random graph: every vertex has one at least, from it. The last vertices are a path. */
export function randomEdges(vertices: number, edges: number): [from: Uint32Array, to: Uint32Array] {
  const random = new Random(2026)
  const from = new Uint32Array(edges)
  const to = new Uint32Array(edges)
  const path = vertices - PATH
  for (let edge = 0; edge < edges; edge++) {
    from[edge] = edge < vertices ? edge : random.integer(path)
    to[edge] = edge > path && edge < vertices ? edge - 1 : random.integer(path)
  }
  return [from, to]
}
