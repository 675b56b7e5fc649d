import type { Serde } from '../../serde/serde.ts'
import type { Aggregator } from './aggregator.ts'
import type { Round } from './round.ts'

/** Types of the nodes where a loop begins, where it turns back, where it sends what it is to know, and where records leave it. */
export const LOOP_HEAD = 'loop-head'
export const LOOP_TAIL = 'loop-tail'
export const LOOP_REPLAY = 'loop-replay'
export const LOOP_EXIT = 'loop-exit'
/** Side output of the head of a bulk iteration: what is left when it is over. */
export const RESULT = 'result'

/**
 * - `stream`: what is fed back goes round at once; when the inputs have ended, in rounds, until nothing is left;
 * - `bulk`: in rounds; what the last one fed back is the result;
 * - `delta`: in rounds; what the last one fed back, if anything, is dropped.
 */
export type LoopMode = 'stream' | 'bulk' | 'delta'

export interface LoopSpec {
  readonly mode: LoopMode
  /** Of the records that are fed back. */
  readonly serde: Serde<unknown>
  readonly maxRounds: number
  readonly converged: ((round: Round) => boolean) | null
  /** By the input of the tail, from 1; filled in while the loop is described. */
  readonly aggregators: readonly Aggregator<never, unknown>[]
}
