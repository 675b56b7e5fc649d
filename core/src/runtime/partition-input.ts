import type { PartitionPosition } from '../checkpoint/format.ts'
import type { LogBatch } from '../log/log.ts'
import type { AlignedChannel } from './source-alignment.ts'

/** What a task reads from one log partition. */
export interface PartitionInput {
  readonly topic: string
  readonly partition: number
  /** The offset to read from next; what the epoch commits. */
  readonly offset: number
  readonly ended: boolean
  /** How far it has come in event time (its watermark), or NaN where there is none: the furthest back is read first. */
  readonly reached: number
  /** Runs the records of a fetched batch through the chains; returns how many there were. */
  process(batch: LogBatch): number
  /** It has taken a part of the batch, and is to be given the batch again for the rest. */
  readonly isPartial: boolean
  position(): PartitionPosition
  /** Takes what is still to come for nothing, where that is this side's to say. */
  end(): void
  /** Marks the partition idle when nothing has come for long enough by its strategy. */
  checkIdle(nowMs: number): void
  /** What keeps it in step with other sources; null where nothing does. */
  readonly aligned: AlignedChannel | null
  close(): void
  /** Milliseconds without a record after which `checkIdle` matters, or null. */
  readonly idlenessMs: number | null
}
