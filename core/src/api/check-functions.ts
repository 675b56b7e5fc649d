import { GraphError } from '../errors.ts'
import { callSite } from './call-site.ts'

interface FunctionNames<Name extends string> {
  readonly required?: readonly Name[]
  readonly optional?: readonly Name[]
  /** What to do instead of giving an async function. */
  readonly advice?: string
}

/**
 * Refuses what a call is given in place of its functions. Async ones too: the engine does not wait for these, so promises would go down the
 * stream as if they were records, and failures would be nobody's.
 *
 * @throws GRAPH_INVALID
 */
export function checkFunctions<Name extends string>(
  method: string,
  functions: { readonly [Key in Name]?: unknown },
  { required = [], optional = [], advice }: FunctionNames<Name>,
): void {
  // Callers without types may give anything.
  const given: { readonly [Key in Name]?: unknown } = functions ?? {}
  for (const name of required) {
    if (typeof given[name] !== 'function') throw notAFunction(method, name, given[name])
  }
  for (const name of optional) {
    if (given[name] !== undefined && typeof given[name] !== 'function') throw notAFunction(method, name, given[name])
  }
  for (const name of [...required, ...optional]) {
    if (given[name]?.constructor.name !== 'AsyncFunction') continue
    throw new GraphError(
      `${method} at ${callSite()} is given an async function${advice ?? ` (${name}), and nothing waits for it; use mapAsync or lookupJoin for what takes time`}.`,
    )
  }
}

function notAFunction(method: string, name: string, given: unknown): GraphError {
  const instead = given === undefined ? 'nothing' : given === null ? 'null' : `a value of type ${typeof given}`
  return new GraphError(`${method} at ${callSite()} needs a function ${name}, and is given ${instead}.`)
}
