import type { EpochMeta } from '../checkpoint/format.ts'
import { StreamError } from '../errors.ts'
import { exchangeSerde } from '../plan/compile.ts'
import type { Region } from '../plan/job-graph.ts'
import type { Chain } from './chain.ts'
import { locatedAt } from './located.ts'

/** Hands the operators what a savepoint found on its way to them. Until the next epoch is committed it is part of this one. */
export function replayInFlight({ nodes }: Region, meta: EpochMeta | null, chain: Chain): void {
  for (const { uid, input, records } of meta?.inFlight ?? []) {
    const edge = nodes.find((node) => node.uid === uid)?.node.inputs[input]
    if (edge === undefined) {
      throw new StreamError(
        'STATE_CORRUPT',
        `Records are on their way to input ${input} of ${uid}, which there is not.`,
      )
    }
    const serde = exchangeSerde(edge.partitioning)
    const receiver = chain.input(uid, input)
    for (const { value, timestamp } of records) {
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.length)
      try {
        receiver.onRecord(serde.decode(bytes, 0, bytes.length), timestamp)
      } catch (error) {
        throw locatedAt(error, { operator: uid })
      }
    }
  }
}
