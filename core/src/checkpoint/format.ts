import { pack, unpack } from 'msgpackr'
import { StreamError } from '../errors.ts'
import type { StateCatalogEntry } from '../operator/operator.ts'

/*
 * What is kept with an epoch, in two places, both versioned:
 * - offset metadata in the log, one short JSON text beside each committed input offset;
 * - the meta blob of the state delta, msgpack, replaced as a whole with each epoch.
 */

const OFFSET_VERSION = 1
const META_VERSION = 1

/** Kept beside a committed offset. Watermarks of minus infinity are written as null. */
export interface OffsetMetadata {
  readonly epoch: number
  /** Snapshot of the partition's watermark generator. */
  readonly watermark: number | null
  /** Where bounded reading of this partition ends, fixed at the first start. */
  readonly end: number | null
  /** The task has reached the end of its input; it is not to be run again. */
  readonly finished: boolean
}

export function encodeOffsetMetadata(metadata: OffsetMetadata): string {
  return JSON.stringify({
    v: OFFSET_VERSION,
    e: metadata.epoch,
    ...(metadata.watermark === null ? {} : { w: metadata.watermark }),
    ...(metadata.end === null ? {} : { n: metadata.end }),
    ...(metadata.finished ? { f: 1 } : {}),
  })
}

/** Null for an offset that some other tool has committed. */
export function decodeOffsetMetadata(text: string): OffsetMetadata | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    // Not JSON, so not ours: consumer tools leave free text or nothing here.
    return null
  }
  if (typeof parsed !== 'object' || parsed === null || !('v' in parsed)) return null
  const fields = parsed as { v: unknown; e?: unknown; w?: unknown; n?: unknown; f?: unknown }
  if (fields.v !== OFFSET_VERSION || typeof fields.e !== 'number') {
    throw new StreamError(
      'STATE_CORRUPT',
      `The committed offset carries metadata of version ${String(fields.v)}; this version of Millrace reads ${OFFSET_VERSION}. Run the version that wrote it, or reset the group.`,
    )
  }
  return {
    epoch: fields.e,
    watermark: typeof fields.w === 'number' ? fields.w : null,
    end: typeof fields.n === 'number' ? fields.n : null,
    finished: fields.f === 1,
  }
}

export interface PartitionPosition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly watermark: number | null
  readonly end: number | null
}

/** Everything of an epoch that is not keyed state. */
export interface EpochMeta {
  readonly graphHash: string
  readonly parallelism: number
  readonly maxParallelism: number
  readonly partitions: readonly PartitionPosition[]
  /** Positions of split sources: `<uid>/<split>` → what the source said. */
  readonly splits: Readonly<Record<string, unknown>>
  /** Operator state by uid. */
  readonly operators: Readonly<Record<string, unknown>>
  /** What two-phase sinks publish once the epoch is decided, by uid. */
  readonly committables: Readonly<Record<string, readonly unknown[]>>
  readonly catalog: readonly StateCatalogEntry[]
  /** Records that a savepoint found on their way to the task: they come before all others. */
  readonly inFlight?: readonly InFlight[]
  readonly finished: boolean
}

/** Records on their way to an input of an operator. */
export interface InFlight {
  readonly uid: string
  readonly input: number
  readonly records: readonly InFlightRecord[]
}

export interface InFlightRecord {
  readonly value: Uint8Array
  readonly timestamp: number
}

export function encodeEpochMeta(meta: EpochMeta): Uint8Array {
  return pack({ v: META_VERSION, ...meta })
}

export function decodeEpochMeta(bytes: Uint8Array): EpochMeta {
  let decoded: unknown
  try {
    decoded = unpack(bytes)
  } catch (cause) {
    throw new StreamError('STATE_CORRUPT', 'The stored epoch cannot be decoded.', { cause })
  }
  const version = (decoded as { v?: unknown } | null)?.v
  if (version !== META_VERSION) {
    throw new StreamError(
      'STATE_CORRUPT',
      `The stored epoch has format version ${String(version)}; this version of Millrace reads ${META_VERSION}.`,
    )
  }
  return decoded as EpochMeta
}
