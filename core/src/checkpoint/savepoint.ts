import { pack, unpack } from 'msgpackr'
import { StreamError } from '../errors.ts'
import type { StateCatalogEntry } from '../operator/operator.ts'
import type { OperatorState } from '../operator/operator-state.ts'
import type { StateEntry } from '../state/backend.ts'
import type { InFlight, PartitionPosition } from './format.ts'

const VERSION = 3
/** It had no committables: what sinks had still to publish was not in it. */
const FORMER_VERSION = 2
const MAGIC = 'millrace-savepoint'

/**
 * Everything that a stopped job needs to go on elsewhere, whatever the number of its tasks: positions in its inputs and the
 * entries of its state, each with its key group.
 */
export interface Savepoint {
  readonly job: string
  readonly maxParallelism: number
  readonly partitions: readonly PartitionPosition[]
  /** Positions of split sources: `<uid>/<split>` → what the source said. */
  readonly splits: Readonly<Record<string, unknown>>
  readonly catalog: readonly StateCatalogEntry[]
  readonly entries: readonly StateEntry[]
  /** The own state of each task of the stateful operators, by uid; without elements where they have none. */
  readonly operators: Readonly<Record<string, readonly OperatorState[]>>
  /** What was on its way between tasks, for each task that was to have it. */
  readonly inFlight: readonly (InFlight & { readonly index: number })[]
  /** What two-phase sinks were to publish, for each task that was to do it: decided, and perhaps not published yet. */
  readonly committables: readonly Committables[]
}

/** Of one task of a sink. */
export interface Committables {
  readonly uid: string
  readonly index: number
  readonly list: readonly unknown[]
}

export function encodeSavepoint(savepoint: Savepoint): Buffer {
  return pack({ magic: MAGIC, v: VERSION, ...savepoint })
}

/** @throws STATE_CORRUPT for bytes that are no savepoint of a version that is known here */
export function decodeSavepoint(bytes: Uint8Array): Savepoint {
  let decoded: { magic?: unknown; v?: unknown } | null
  try {
    decoded = unpack(bytes)
  } catch (cause) {
    throw new StreamError('STATE_CORRUPT', 'The file is not a savepoint.', { cause })
  }
  if (typeof decoded !== 'object' || decoded?.magic !== MAGIC) {
    throw new StreamError('STATE_CORRUPT', 'The file is not a savepoint.')
  }
  if (decoded.v === FORMER_VERSION) return { ...decoded, committables: [] } as unknown as Savepoint
  if (decoded.v !== VERSION) {
    throw new StreamError(
      'STATE_CORRUPT',
      `The savepoint has version ${String(decoded.v)}; this version of Millrace reads ${FORMER_VERSION} and ${VERSION}.`,
    )
  }
  return decoded as unknown as Savepoint
}
