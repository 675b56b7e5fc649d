import { GraphError } from '../errors.ts'
import { callSite } from './call-site.ts'

/**
 * The engine does not wait for these functions: promises would go down the stream as if they were records, and failures would
 * be nobody's.
 *
 * @throws GRAPH_INVALID for an async one among the `names` of `functions`
 */
export function refuseAsync<Name extends string>(
  method: string,
  functions: { readonly [Key in Name]?: unknown },
  names: readonly Name[],
  advice?: string,
): void {
  for (const name of names) {
    const given = functions[name]
    if (typeof given !== 'function' || given.constructor.name !== 'AsyncFunction') continue
    throw new GraphError(
      `${method} at ${callSite()} is given an async function${advice ?? ` (${name}), and nothing waits for it; use mapAsync or lookupJoin for what takes time`}.`,
    )
  }
}
