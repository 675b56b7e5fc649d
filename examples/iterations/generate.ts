import { Random } from '@millrace/core/testing'
import type { Page, WeightedEdge } from './graphs.ts'
import type { Point, Sample } from './learning.ts'

/** Edges between vertices that are near each other by number, so that there are long ways and several components. */
export function edges(seed: number, vertices: number, count: number): WeightedEdge[] {
  const random = new Random(seed)
  return Array.from({ length: count }, () => {
    const from = random.integer(vertices)
    const to = Math.min(vertices - 1, Math.max(0, from + random.integer(7) - 3))
    return { from, to, weight: 1 + random.integer(9) }
  })
}

export function pages(seed: number, count: number): Page[] {
  const random = new Random(seed)
  return Array.from({ length: count }, (_, page) => {
    const links = Array.from({ length: 1 + random.integer(4) }, () => random.integer(count))
    return { page, links: [...new Set(links)] }
  })
}

/** Points on whole coordinates, so that sums are exact whatever their order. */
export function points(seed: number, count: number): Point[] {
  const random = new Random(seed)
  return Array.from({ length: count }, (_, id) => {
    const [x, y] = [random.integer(4) * 250, random.integer(3) * 300]
    return { id, x: x + random.integer(180), y: y + random.integer(180) }
  })
}

export function samples(seed: number, count: number): Sample[] {
  const random = new Random(seed)
  return Array.from({ length: count }, () => {
    const x = random.integer(2_000) / 1_000 - 1
    return { x, y: 3 * x - 2 + (random.integer(100) - 49.5) / 10_000 }
  })
}
