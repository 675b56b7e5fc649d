import { compile } from '../plan/compile.ts'
import { describeJob, type ExplainedJob } from '../plan/describe.ts'
import { explainText } from '../plan/explain-text.ts'
import type { LogicalGraph } from '../plan/logical-graph.ts'
import type { RuleName } from '../plan/optimize/applied.ts'
import { checkedRules } from './run-options.ts'

export interface ExplainOptions {
  /**
   * As for a run. With `'partitions'`, give `topicPartitions` of every topic that is read; else the counts that depend on
   * them are unknown, and the plan is that of more than one task. @default 1
   */
  readonly parallelism?: number | 'partitions'
  /** @default 128 */
  readonly maxParallelism?: number
  /** @default 'exactly-once' */
  readonly guarantee?: 'exactly-once' | 'at-least-once'
  /** Partitions of the topics that are read, to check what must fit. */
  readonly topicPartitions?: Readonly<Record<string, number>>
  /** As for a run. */
  readonly withoutRules?: readonly RuleName[]
}

/** How a job would run: data in the fields, text for people from `toString`. */
export interface Explanation extends ExplainedJob {
  toString(): string
}

/** Plans the job without connecting to anything. @throws GRAPH_INVALID, PARTITIONS_MISMATCH, OPTION_INVALID */
export function explainJob(graph: LogicalGraph, options: ExplainOptions): Explanation {
  const { parallelism = 1, maxParallelism = 128, guarantee = 'exactly-once', withoutRules = [] } = options
  const topicPartitions = new Map(Object.entries(options.topicPartitions ?? {}))
  const known = parallelism === 'partitions' ? widestTopic(graph, topicPartitions) : parallelism
  // Any number above 1 cuts the graph alike.
  const compiled = compile(graph, {
    parallelism: known ?? Math.min(2, maxParallelism),
    maxParallelism,
    topicPartitions,
    withoutRules: checkedRules(withoutRules),
  })
  const described = describeJob(compiled, { guarantee, topicPartitions, parallelismKnown: known !== null })
  const text = explainText(described)
  // Not a field: JSON holds the data only.
  return Object.defineProperty({ ...described }, 'toString', { value: () => text, enumerable: false })
}

/** The greatest number of partitions of a topic that is read, at least 1; null when one of them is unknown. */
function widestTopic(graph: LogicalGraph, topicPartitions: ReadonlyMap<string, number>): number | null {
  let widest = 1
  for (const node of graph.nodes) {
    if (node.kind !== 'source' || node.source.kind !== 'topic') continue
    const partitions = topicPartitions.get(node.source.topic)
    if (partitions === undefined) return null
    widest = Math.max(widest, partitions)
  }
  return widest
}
