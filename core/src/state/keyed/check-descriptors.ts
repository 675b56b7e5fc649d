import { GraphError } from '../../errors.ts'
import type { StateDescriptors, ValueDescriptor } from './descriptor.ts'
import { encodeValue } from './encode-value.ts'
import { resolveTtl, type StateTtl } from './ttl.ts'

/**
 * Checks declarations when the graph is built, at `place`. `whyNoTtl` says why such state cannot expire, where it cannot.
 *
 * @throws GRAPH_INVALID naming state and place
 */
export function checkDescriptors(descriptors: StateDescriptors, place: string, whyNoTtl: string | null = null): void {
  for (const [name, declared] of Object.entries(descriptors)) {
    if (!/^[A-Za-z][\w-]*$/.test(name)) {
      throw new GraphError(
        `State '${name}' (declared at ${place}): a state's name must be a letter, then letters, digits, - or _.`,
      )
    }
    const { kind, serde, initial, ttl } = declared as Partial<ValueDescriptor<unknown>> & { kind: string }
    if (serde === undefined)
      throw new GraphError(
        `State '${name}' (declared at ${place}) is not made by valueState, listState, mapState, reducingState or aggregatingState.`,
      )
    if (ttl !== undefined) {
      if (whyNoTtl !== null) throw new GraphError(`State '${name}' (declared at ${place}) has a ttl, but ${whyNoTtl}.`)
      checkTtl(name, ttl, place)
    }
    if (kind !== 'value' || initial === undefined) continue
    try {
      encodeValue(initial, serde)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new GraphError(
        `State '${name}' (declared at ${place}): its initial value cannot be stored as ${serde.format}: ${reason}`,
        {
          cause,
        },
      )
    }
  }
}

function checkTtl(name: string, ttl: StateTtl, place: string): void {
  try {
    resolveTtl(ttl)
  } catch (cause) {
    throw new GraphError(`State '${name}' (declared at ${place}): ${(cause as Error).message}`, { cause })
  }
}
