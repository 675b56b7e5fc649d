import { LOOP_HEAD, LOOP_REPLAY, LOOP_TAIL } from '../operator/loop/loop-spec.ts'
import { END } from '../operator/sequence.ts'
import { backlog, describeSignal, isSameSignal, type Signal } from '../operator/signal/signal.ts'
import { invalid } from './invalid.ts'
import type { LogicalGraph, LogicalNode } from './logical-graph.ts'

/** The signals that a node says itself. */
export function emittedBy(node: LogicalNode): readonly Signal[] {
  if (node.kind === 'operator') return node.signals?.emits ?? []
  if (node.kind === 'sink') return []
  const { source } = node
  if (source.kind === 'topic') return source.backlog === null ? [] : [backlog]
  const own = source.source.signals ?? []
  return source.isBacklog && !own.some(({ name }) => name === backlog.name) ? [...own, backlog] : own
}

/** The signals that can come on each input of a node, by its id; nothing for nodes that none can come to. */
export function signalsInto(graph: LogicalGraph): ReadonlyMap<number, readonly (readonly Signal[])[]> {
  const out = new Map<number, readonly Signal[]>()
  const into = new Map<number, readonly (readonly Signal[])[]>()
  const outOf = (id: number): readonly Signal[] => {
    const known = out.get(id)
    if (known !== undefined) return known
    const node = graph.nodes[id]
    if (node === undefined) return []
    const inputs = node.inputs.map(({ from, isFeedback }, input) =>
      isFeedback === true || ends(node, input) ? [] : outOf(from),
    )
    if (inputs.some(({ length }) => length > 0)) into.set(id, inputs)
    const given = distinct([...emittedBy(node), ...inputs.flat().filter((signal) => passes(node, signal))])
    out.set(id, given)
    return given
  }
  for (const { id } of graph.nodes) outOf(id)
  return into
}

/**
 * Where signals end: at sinks, also where something stands behind their commit; a loop goes by rounds, bounded operators hold
 * what signals have their place among.
 */
function ends(node: LogicalNode, input: number): boolean {
  if (node.kind === 'sink') return true
  if (node.kind === 'operator' && node.bounded === true) return true
  if (node.type === 'sequence') return input === END
  return node.type === LOOP_HEAD || node.type === LOOP_TAIL || node.type === LOOP_REPLAY
}

function passes(node: LogicalNode, { name, forward }: Signal): boolean {
  return forward || node.kind !== 'operator' || node.signals?.hears.some((heard) => heard.name === name) !== true
}

function distinct(signals: readonly Signal[]): readonly Signal[] {
  return [...new Map(signals.map((signal) => [signal.name, signal])).values()]
}

/** @throws GRAPH_INVALID for one name with two meanings, and for a function that hears what nothing before it emits */
export function checkSignals(graph: LogicalGraph): void {
  const declared = new Map<string, { readonly signal: Signal; readonly node: LogicalNode }>()
  for (const node of graph.nodes) {
    for (const signal of [...emittedBy(node), ...heardBy(node)]) {
      const other = declared.get(signal.name)
      if (other === undefined) declared.set(signal.name, { signal, node })
      else if (!isSameSignal(signal, other.signal)) {
        throw invalid(
          graph,
          node,
          `names the signal ${describeSignal(signal)}, and at ${other.node.callSite} it is the ${describeSignal(other.signal)}; declare it once`,
        )
      }
    }
  }
  if (declared.size === 0) return
  const into = signalsInto(graph)
  for (const node of graph.nodes) {
    const coming = into.get(node.id)?.flat() ?? []
    const unheard = heardBy(node).find(({ name }) => !coming.some((signal) => signal.name === name))
    if (unheard === undefined) continue
    throw invalid(
      graph,
      node,
      `hears signal '${unheard.name}', which nothing before it emits, or which does not come this far: ` +
        'signals end at sinks, at loops, at operators over bounded data, and where they are heard if declared with forward: false',
    )
  }
}

function heardBy(node: LogicalNode): readonly Signal[] {
  return node.kind === 'operator' ? (node.signals?.hears ?? []) : []
}
