import { GraphError } from '../../errors.ts'
import type { StateDescriptors, ValueDescriptor } from './descriptor.ts'
import { encodeValue } from './encode-value.ts'

/** Checks declarations when the graph is built, at `place`. @throws GRAPH_INVALID naming state and place */
export function checkDescriptors(descriptors: StateDescriptors, place: string): void {
  for (const [name, declared] of Object.entries(descriptors)) {
    if (!/^[A-Za-z][\w-]*$/.test(name)) {
      throw new GraphError(
        `State '${name}' (declared at ${place}): a state's name must be a letter, then letters, digits, - or _.`,
      )
    }
    const { kind, serde, initial } = declared as Partial<ValueDescriptor<unknown>> & { kind: string }
    if (serde === undefined)
      throw new GraphError(
        `State '${name}' (declared at ${place}) is not made by valueState, listState, mapState, reducingState or aggregatingState.`,
      )
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
