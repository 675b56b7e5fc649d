import type { LogicalEdge, LogicalGraph, LogicalNode } from '../logical-graph.ts'
import type { Rewritten } from './pre-aggregate.ts'
import { isBoundedSource } from './rewrite.ts'

/**
 * Computes once what a job over data sets describes twice: the same source object read again, the same function over the same input. Nodes
 * with a uid of their own stay as they are.
 */
export function shareSubplans(graph: LogicalGraph, uids: ReadonlyMap<number, string>): Rewritten {
  const unchanged = { graph, uids, applied: [] }
  const isBatch = graph.nodes.some((node) => node.kind === 'operator' && node.bounded === true)
  if (!isBatch || graph.nodes.some((node) => node.kind === 'source' && !isBoundedSource(node))) return unchanged
  const identities = new Identities()
  const nodes: LogicalNode[] = []
  const newUids = new Map<number, string>()
  const newIds = new Map<number, number>()
  const known = new Map<string, number>()
  const applied: Rewritten['applied'][number][] = []
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((edge): LogicalEdge => ({ ...edge, from: newIds.get(edge.from) as number }))
    const identity = identities.of(node, inputs)
    const same = identity === null ? undefined : known.get(identity)
    const uid = uids.get(node.id) as string
    if (same !== undefined) {
      newIds.set(node.id, same)
      applied.push({ rule: 'share-subplan', uid: newUids.get(same) as string, text: `computed once, also for ${uid}` })
      continue
    }
    const id = nodes.length
    nodes.push({ ...node, id, inputs })
    newIds.set(node.id, id)
    newUids.set(id, uid)
    if (identity !== null) known.set(identity, id)
  }
  return applied.length === 0 ? unchanged : { graph: { job: graph.job, nodes }, uids: newUids, applied }
}

/** Texts that are equal for nodes that compute the same. */
class Identities {
  readonly #numbers = new Map<unknown, number>()

  of(node: LogicalNode, inputs: readonly LogicalEdge[]): string | null {
    if (node.uid !== null) return null
    if (node.kind === 'source') {
      const { source } = node
      // Elements that can be read only once are others each time.
      if (source.kind !== 'splits' || !source.source.replayable) return null
      return `source ${this.#number(source.source)} ${this.#number(source.time)} ${source.isBacklog}`
    }
    const identity = node.kind === 'operator' ? node.traits?.identity : undefined
    if (identity === undefined) return null
    const edges = inputs.map(({ from, tag, partitioning }) => {
      const parts = Object.values(partitioning).map((part) => this.#number(part))
      return `${from}#${tag ?? ''}(${parts.join()})`
    })
    return `${node.type} ${identity.map((part) => this.#number(part)).join()} ${edges.join(' ')}`
  }

  #number(part: unknown): number {
    let number = this.#numbers.get(part)
    if (number === undefined) {
      number = this.#numbers.size
      this.#numbers.set(part, number)
    }
    return number
  }
}
