import { GraphError, OptionError, StreamError } from '../errors.ts'
import type { LogicalGraph } from '../plan/logical-graph.ts'
import { callOf } from './call-site.ts'
import { Environment } from './environment.ts'
import { GraphBuilder } from './graph-builder.ts'

/** Runs the function of the job that was defined at `place`, and gives the graph that it described. @throws GRAPH_INVALID */
export function buildLogicalGraph(job: string, describe: (env: Environment) => void, place: string): LogicalGraph {
  const builder = new GraphBuilder(job)
  const returned = run(job, describe, new Environment(builder))
  if (returned instanceof Promise) {
    // The job is refused for being async; what the promise comes to later changes nothing.
    returned.catch(() => {})
    throw new GraphError(
      `The function that builds the job (defined at ${place}) is async; it must add all operators before it returns.`,
      { where: { job } },
    )
  }
  return builder.build()
}

function run(job: string, describe: (env: Environment) => void, env: Environment): unknown {
  try {
    return describe(env)
  } catch (error) {
    if (!StreamError.is(error)) throw error
    throw placed(error).locate({ job })
  }
}

/** What is wrong with an option does not say whose it is. */
function placed(error: StreamError): StreamError {
  const call = error.code === 'OPTION_INVALID' ? callOf(error) : null
  return call === null ? error : new OptionError(`${call}: ${error.message}`, { cause: error })
}
