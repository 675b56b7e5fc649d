import { GraphError } from '../errors.ts'
import type { LogicalGraph } from '../plan/logical-graph.ts'
import { Environment } from './environment.ts'
import { GraphBuilder } from './graph-builder.ts'

/** Runs the job's function and gives the graph that it described. @throws GRAPH_INVALID */
export function buildLogicalGraph(job: string, describe: (env: Environment) => void): LogicalGraph {
  const builder = new GraphBuilder(job)
  const returned: unknown = describe(new Environment(builder))
  if (returned instanceof Promise) {
    throw new GraphError('The function that builds the job is async; it must add all operators before it returns.', {
      where: { job },
    })
  }
  return builder.build()
}
