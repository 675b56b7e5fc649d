import type { LogicalGraph, LogicalNode, OperatorNode, Strategy } from '../logical-graph.ts'
import { estimateRecords } from './estimate.ts'
import type { Changed } from './rewrite.ts'

/** A side of which nothing but this is known may be sent to every task, whatever the other is. */
const SURELY_SMALL = 10_000

interface Choice {
  readonly strategy: Strategy
  readonly why: string
}

/**
 * Decides how joins are computed: the fewest records travel, and the smaller side is held. Sizes are upper bounds from the sources;
 * where they are unknown, the first strategy stays.
 */
export function chooseJoins(graph: LogicalGraph, uids: ReadonlyMap<number, string>, parallelism: number): Changed {
  const applied: Changed['applied'][number][] = []
  if (!graph.nodes.some((node) => strategiesOf(node).length > 0)) return { graph, applied }
  const recordsOf = estimateRecords(graph)
  const nodes = graph.nodes.map((node): LogicalNode => {
    const strategies = strategiesOf(node)
    if (strategies.length === 0) return node
    const sizes = node.inputs.map(({ from }) => recordsOf(from))
    const { strategy, why } = choose(strategies, sizes, parallelism)
    applied.push({ rule: 'choose-join', uid: uids.get(node.id) as string, text: `${strategy.name}: ${why}` })
    const inputs = node.inputs.map((edge, at) => ({
      ...edge,
      partitioning: strategy.partitionings[at] ?? edge.partitioning,
    }))
    return { ...(node as OperatorNode), inputs, create: strategy.create }
  })
  return { graph: { job: graph.job, nodes }, applied }
}

function strategiesOf(node: LogicalNode): readonly Strategy[] {
  return node.kind === 'operator' ? (node.traits?.strategies ?? []) : []
}

function choose(strategies: readonly Strategy[], sizes: readonly (number | null)[], parallelism: number): Choice {
  const [first] = strategies as readonly [Strategy]
  if (strategies.length === 1) return { strategy: first, why: 'as asked for' }
  if (sizes.includes(null)) return chooseBlindly(strategies, sizes, parallelism)
  const known = sizes as readonly number[]
  const travelling = ({ broadcasts }: Strategy): number => {
    if (parallelism === 1) return 0
    return broadcasts === null
      ? known.reduce((sum, size) => sum + size, 0)
      : (known[broadcasts] as number) * parallelism
  }
  const held = ({ holds }: Strategy): number => (holds === null ? Number.POSITIVE_INFINITY : (known[holds] as number))
  const best = strategies.reduce((left, right) => {
    const difference = travelling(right) - travelling(left) || held(right) - held(left)
    return difference < 0 ? right : left
  })
  const sides = `left at most ${show(known[0])} records, right ${show(known[1])}`
  const travel = parallelism === 1 ? 'nothing travels' : `at most ${show(travelling(best))} travel`
  return { strategy: best, why: `${sides}: ${travel}, the ${sideName(best)} side is held` }
}

function chooseBlindly(
  strategies: readonly Strategy[],
  sizes: readonly (number | null)[],
  parallelism: number,
): Choice {
  const small = strategies.find(({ broadcasts, holds }) => {
    const size = sizes[(parallelism === 1 ? holds : broadcasts) ?? -1]
    return size != null && size <= SURELY_SMALL
  })
  if (small === undefined) {
    return { strategy: strategies[0] as Strategy, why: 'the size of a side is not known, the right side is held' }
  }
  const records = show(sizes[small.holds ?? 0])
  return {
    strategy: small,
    why: `the ${sideName(small)} side has at most ${records} records, the other is not known`,
  }
}

function sideName({ holds }: Strategy): string {
  return holds === 0 ? 'left' : 'right'
}

function show(records: number | null | undefined): string {
  return (records ?? 0).toLocaleString('en')
}
