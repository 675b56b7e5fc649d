import { AccumulatorSink } from '../connector/accumulator.ts'
import { GraphError } from '../errors.ts'
import { LOOP_EXIT, LOOP_HEAD, LOOP_TAIL } from '../operator/loop/loop-spec.ts'
import { FIRST } from '../operator/sequence.ts'
import { checkEventTime } from './check-event-time.ts'
import { invalid } from './invalid.ts'
import type { LogicalGraph, LogicalNode, SinkNode, SourceNode } from './logical-graph.ts'
import { checkSignals } from './signals.ts'
import { assignUids } from './uid.ts'
import { checkTopics } from './validate-topics.ts'

const JOB = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

/**
 * Refuses graphs that cannot run, whatever the parallelism.
 *
 * @throws GRAPH_INVALID naming the operator and the line that added it
 */
export function validate(graph: LogicalGraph): void {
  const where = { job: graph.job }
  if (!JOB.test(graph.job)) {
    throw new GraphError(
      `'${graph.job}' cannot be the name of a job: it takes 1 to 100 letters, digits, '.', '_' and '-', and begins with a letter or digit.`,
      { where },
    )
  }
  if (!graph.nodes.some((node) => node.kind === 'source')) {
    throw new GraphError('The job has no source; begin with env.topic, env.from, env.generate or env.source.', {
      where,
    })
  }
  if (!graph.nodes.some((node) => node.kind === 'sink')) {
    throw new GraphError('The job has no sink; end a stream with toTopic, collect, print or to.', { where })
  }
  const read = new Set<number>()
  graph.nodes.forEach((node, at) => {
    if (node.id !== at) throw invalid(graph, node, `has the id ${node.id} at position ${at}; ids are positions`)
    checkInputs(graph, node)
    checkSequence(graph, node)
    checkBounded(graph, node)
    checkUncommitted(graph, node)
    for (const { from } of node.inputs) read.add(from)
  })
  for (const node of graph.nodes) {
    if (node.kind !== 'sink' && !read.has(node.id)) {
      throw invalid(graph, node, 'leads nowhere: nothing reads its output; end the stream with a sink or take it out')
    }
  }
  checkLoops(graph)
  checkSignals(graph)
  checkEventTime(graph)
  checkTopics(graph)
  checkAccumulators(graph)
  assignUids(graph)
}

/** Marks of rounds belong to one loop: what goes round in it comes from its own head, and leaves another loop by its result. */
function checkLoops(graph: LogicalGraph): void {
  const unfed: LogicalNode[] = []
  for (const head of graph.nodes) {
    const feedback = head.inputs.find(({ isFeedback }) => isFeedback)
    if (feedback === undefined) continue
    const seen = new Set<number>()
    for (let from = [feedback.from, ...outer(head)]; from.length > 0; ) {
      const nodes = from.flatMap((id) => (seen.has(id) ? [] : (graph.nodes[id] ?? [])))
      for (const { id } of nodes) seen.add(id)
      const other = nodes.find((node) => node.type === LOOP_HEAD && node.id !== head.id)
      if (other !== undefined) {
        throw invalid(
          graph,
          head,
          `takes what goes round in the loop that begins at ${other.callSite}: loops do not nest; use the stream that the other loop gives`,
        )
      }
      from = nodes.flatMap((node) => (node.type === LOOP_EXIT ? [] : node.id === head.id ? [] : outer(node)))
    }
    if (!seen.has(head.id)) unfed.push(head)
  }
  // What comes out of a loop within does not come from the loop either, but that was told better above.
  const [first] = unfed
  if (first !== undefined) throw invalid(graph, first, 'is fed back a stream that does not come from the loop')
}

function outer({ inputs }: LogicalNode): number[] {
  return inputs.flatMap(({ from, isFeedback }) => (isFeedback ? [] : [from]))
}

function checkAccumulators(graph: LogicalGraph): void {
  const taken = new Map<string, LogicalNode>()
  for (const node of graph.nodes) {
    if (node.kind !== 'sink' || node.sink.kind !== 'custom' || !(node.sink.sink instanceof AccumulatorSink)) continue
    const { accumulator } = node.sink.sink
    const other = taken.get(accumulator)
    if (other !== undefined) {
      throw invalid(graph, node, `is the accumulator '${accumulator}', which there is at ${other.callSite} already`)
    }
    taken.set(accumulator, node)
  }
}

/** What comes first must end. */
function checkSequence(graph: LogicalGraph, node: LogicalNode): void {
  const first = node.type === 'sequence' ? node.inputs[FIRST] : undefined
  const endless = first === undefined ? undefined : endlessSource(graph, [first.from])
  if (endless === undefined) return
  throw invalid(graph, node, `comes after a stream of '${endless.name}', which does not end; give it bounded: true`)
}

/** Nothing comes of waiting for all of an endless stream. */
function checkBounded(graph: LogicalGraph, node: LogicalNode): void {
  if (node.kind !== 'operator' || node.bounded !== true) return
  const endless = endlessSource(
    graph,
    node.inputs.map(({ from }) => from),
  )
  if (endless === undefined) return
  throw invalid(
    graph,
    node,
    `needs all of its input, and '${endless.name}' does not end; give it bounded: true, or use keyBy and windows`,
  )
}

function endlessSource(graph: LogicalGraph, from: readonly number[]): LogicalNode | undefined {
  const seen = new Set<number>()
  for (let waiting = [...from]; waiting.length > 0; ) {
    const nodes = waiting.map((id) => graph.nodes[id] as LogicalNode)
    const endless = nodes.find((own) => own.kind === 'source' && !isBounded(own))
    if (endless !== undefined) return endless
    for (const id of waiting) seen.add(id)
    waiting = [...new Set(nodes.flatMap(({ inputs }) => inputs.map((edge) => edge.from)))].filter((id) => !seen.has(id))
  }
  return undefined
}

function isBounded({ source }: SourceNode): boolean {
  return source.kind === 'topic' ? source.bounded : source.source.bounded
}

function checkInputs(graph: LogicalGraph, node: LogicalNode): void {
  if (node.kind === 'source' && node.inputs.length > 0) throw invalid(graph, node, 'is a source, but it has an input')
  if (node.kind !== 'source' && node.inputs.length === 0) throw invalid(graph, node, 'has no input')
  for (const { from, partitioning, isFeedback } of node.inputs) {
    const upstream = graph.nodes[from]
    if (upstream === undefined) throw invalid(graph, node, 'has an input that is not of this job')
    // Nodes are in the order in which they were added, so every circle has an edge that points back; that of a loop may.
    if (from >= node.id && !(isFeedback === true && node.type === LOOP_HEAD && upstream.type === LOOP_TAIL)) {
      throw invalid(
        graph,
        node,
        `takes the output of '${upstream.name}', which comes after it: streams run in a circle only in a loop (iterate, iterateBulk, iterateDelta)`,
      )
    }
    if (upstream.kind === 'sink') checkCommitted(graph, node, upstream)
    if (node.kind === 'operator' && node.keyed && partitioning.kind === 'forward') {
      throw invalid(graph, node, 'keeps state for each key, but its input has no key; call keyBy first')
    }
    if (node.kind === 'sink' && partitioning.kind !== 'forward') {
      throw invalid(graph, node, 'is a sink behind keyBy; a sink takes a stream without keys')
    }
    if (partitioning.kind === 'prepartitioned' && !isTopicSource(upstream)) {
      throw invalid(
        graph,
        node,
        'takes its input as partitioned by key already, but it does not come straight from a topic',
      )
    }
  }
  // A topic's producers and an exchange place keys by different hashes: the same key would be at two tasks.
  const kinds = new Set(node.inputs.map(({ partitioning }) => partitioning.kind))
  if (kinds.has('prepartitioned') && kinds.has('hash')) {
    throw invalid(
      graph,
      node,
      'joins a prepartitioned input with one that is not, so a key would not meet itself; set prepartitioned for all of them or for none',
    )
  }
}

/** Reads what a sink commits. */
function checkCommitted(graph: LogicalGraph, node: LogicalNode, sink: SinkNode): void {
  if (sink.sink.kind === 'topic' || sink.sink.sink.guarantee !== 'two-phase') {
    throw invalid(graph, node, `reads from '${sink.name}', which is a sink that does not tell what it commits`)
  }
  const ends = (other: LogicalNode): boolean => other.type === LOOP_EXIT
  if (ancestors(graph, outer(sink), ends).some(({ type }) => type === LOOP_HEAD)) {
    throw invalid(
      graph,
      node,
      `reads what '${sink.name}' commits within a loop, where it belongs to no round; put the sink behind the loop`,
    )
  }
}

/** An operator that holds all of its input lets nothing be committed meanwhile, so what waits for a commit would never come. */
function checkUncommitted(graph: LogicalGraph, node: LogicalNode): void {
  if (node.kind !== 'operator' || node.bounded !== true) return
  const sink = ancestors(graph, outer(node)).find(({ kind }) => kind === 'sink')
  if (sink === undefined) return
  throw invalid(
    graph,
    node,
    `needs all of what '${sink.name}' commits, but holds up commits until it has it; write what is committed to a topic and read that in another job`,
  )
}

/** The nodes with these ids and all that they come from, without those for which `ends` holds and what only they come from. */
function ancestors(
  graph: LogicalGraph,
  from: readonly number[],
  ends: (node: LogicalNode) => boolean = () => false,
): LogicalNode[] {
  const seen = new Map<number, LogicalNode>()
  for (let waiting = from; waiting.length > 0; ) {
    const nodes = waiting.flatMap((id) => graph.nodes[id] ?? []).filter((own) => !seen.has(own.id) && !ends(own))
    for (const own of nodes) seen.set(own.id, own)
    waiting = nodes.flatMap(outer)
  }
  return [...seen.values()]
}

function isTopicSource(node: LogicalNode): boolean {
  return node.kind === 'source' && node.source.kind === 'topic'
}
