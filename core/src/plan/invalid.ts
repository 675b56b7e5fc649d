import { GraphError } from '../errors.ts'
import type { LogicalGraph, LogicalNode } from './logical-graph.ts'

/** The error for a node that cannot stay as it is: names the operator and the line that added it. */
export function invalid(graph: LogicalGraph, node: LogicalNode, what: string): GraphError {
  return new GraphError(`'${node.name}' (${node.type}, added at ${node.callSite}) ${what}.`, {
    where: { job: graph.job, operator: node.uid ?? node.name },
  })
}
