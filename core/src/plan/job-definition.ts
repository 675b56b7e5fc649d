import type { LogicalGraph } from './logical-graph.ts'

/** A job as a program: building it again gives the same graph, in every worker. */
export interface JobDefinition {
  /** Marks it, so that a worker thread finds it among a module's exports. */
  readonly '~millrace': 'Job'
  readonly name: string
  /** Runs the builder anew; sinks that collect are bound to this graph. */
  build(): LogicalGraph
}

export function isJobDefinition(value: unknown): value is JobDefinition {
  return typeof value === 'object' && value !== null && (value as { '~millrace'?: unknown })['~millrace'] === 'Job'
}
