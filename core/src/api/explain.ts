import { compile } from '../plan/compile.ts'
import { describeJob, type ExplainedJob } from '../plan/describe.ts'
import { explainText } from '../plan/explain-text.ts'
import type { LogicalGraph } from '../plan/logical-graph.ts'

export interface ExplainOptions {
  /** As for a run; `'partitions'` cannot be known without the log, so it takes a number here. @default 1 */
  readonly parallelism?: number
  /** @default 128 */
  readonly maxParallelism?: number
  /** @default 'exactly-once' */
  readonly guarantee?: 'exactly-once' | 'at-least-once'
  /** Partitions of the topics that are read, to check what must fit. */
  readonly topicPartitions?: Readonly<Record<string, number>>
}

/** How a job would run: data in the fields, text for people from `toString`. */
export interface Explanation extends ExplainedJob {
  toString(): string
}

/** Plans the job without connecting to anything. @throws GRAPH_INVALID, PARTITIONS_MISMATCH */
export function explainJob(graph: LogicalGraph, options: ExplainOptions): Explanation {
  const { parallelism = 1, maxParallelism = 128, guarantee = 'exactly-once', topicPartitions = {} } = options
  const compiled = compile(graph, { parallelism, maxParallelism, topicPartitions: new Map(Object.entries(topicPartitions)) })
  const described = describeJob(compiled, guarantee)
  const text = explainText(described)
  // Not a field: JSON holds the data only.
  return Object.defineProperty({ ...described }, 'toString', { value: () => text, enumerable: false })
}
