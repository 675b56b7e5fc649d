import { createHash } from 'node:crypto'
import { invalid } from './invalid.ts'
import type { LogicalGraph, LogicalNode } from './logical-graph.ts'

// No dots: uids stand between dots in the names of the job's own topics, where no two jobs may meet.
const UID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$/
const MAX_TYPE_LENGTH = 60

/**
 * The stable name of every node: the one that the user gave, else one derived from its type and from where its input comes.
 * A branch that is added elsewhere changes none of them; an operator put before a node without a name of its own does.
 *
 * @throws GRAPH_INVALID for a name that cannot be one and for two nodes with one name
 */
export function assignUids(graph: LogicalGraph): ReadonlyMap<number, string> {
  const uids = new Map<number, string>()
  const taken = new Map<string, LogicalNode>()
  for (const node of graph.nodes) {
    if (node.uid === null) continue
    if (!UID.test(node.uid)) {
      throw invalid(
        graph,
        node,
        `has the uid '${node.uid}'; a uid is at most 80 letters, digits, '_' and '-', and begins with a letter or digit`,
      )
    }
    const other = taken.get(node.uid)
    if (other !== undefined) {
      throw invalid(
        graph,
        node,
        `has the uid '${node.uid}', which '${other.name}' at ${other.callSite} has too; a uid names one operator`,
      )
    }
    taken.set(node.uid, node)
    uids.set(node.id, node.uid)
  }
  // Inputs come before their readers, so their uids are known when they are needed.
  for (const node of graph.nodes) {
    if (node.uid !== null) continue
    const base = derived(node, uids)
    let uid = base
    for (let ordinal = 2; taken.has(uid); ordinal++) uid = `${base}-${ordinal}`
    taken.set(uid, node)
    uids.set(node.id, uid)
  }
  return uids
}

function derived(node: LogicalNode, uids: ReadonlyMap<number, string>): string {
  const inputs = node.inputs
    .filter(({ isFeedback }) => !isFeedback)
    .map(({ from, tag, partitioning }) => [uids.get(from), tag, partitioning.kind])
  const hash = createHash('sha256')
    .update(JSON.stringify([node.type, outside(node), inputs]))
    .digest('hex')
  return `${readableType(node.type)}-${hash.slice(0, 8)}`
}

/** Types hold the names that sources and sinks give themselves, which may be anything. */
function readableType(type: string): string {
  const allowed = type
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, MAX_TYPE_LENGTH)
  return allowed === '' ? 'operator' : allowed
}

/** What of the outside world a source or sink stands for. */
function outside(node: LogicalNode): string | null {
  if (node.kind === 'source') return node.source.kind === 'topic' ? node.source.topic : node.source.source.name
  if (node.kind === 'sink') return node.sink.kind === 'topic' ? node.sink.topic : node.sink.sink.name
  return null
}
