import { OffsetsLostError, StateLostError } from '../errors.ts'

/** What a worker finds when it takes a task over. Epochs count from 1; null means that there is none. */
export interface TakeOverFacts {
  /** Who decides: the log's transaction, or the state backend where no transaction does it. */
  readonly decider: 'log' | 'state'
  /** The epoch in the metadata of the committed offsets. */
  readonly committed: number | null
  /** Offsets are committed, but not by this job: some tool has set them. */
  readonly foreignOffsets: boolean
  readonly applied: number | null
  readonly decided: number | null
  readonly staged: readonly number[]
}

export interface TakeOverPlan {
  /** The last epoch that is true; the next one is one more. 0 for a fresh start. */
  readonly epoch: number
  /** The staged epoch to apply before anything else, or null. */
  readonly apply: number | null
  /** Where positions are read from. */
  readonly positions: 'start' | 'log' | 'state'
}

/**
 * Decides how a task goes on, from what the log and the state backend say. Pure; see the table in docs/architecture.md.
 *
 * @throws STATE_LOST when the decided epoch is in no way in the backend;
 *   OFFSETS_LOST when the backend is ahead of what the log has decided.
 */
export function planTakeOver(facts: TakeOverFacts): TakeOverPlan {
  return facts.decider === 'log' ? planByLog(facts) : planByState(facts)
}

function planByLog({ committed, foreignOffsets, applied, staged }: TakeOverFacts): TakeOverPlan {
  if (committed === null) {
    if (applied === null) return { epoch: 0, apply: null, positions: 'start' }
    if (foreignOffsets) {
      throw new OffsetsLostError(
        `The offsets of the group were set by another tool, but the state is at epoch ${applied} and belongs to other offsets. ` +
          'Clear the state of the job to start from the new offsets, or restore the former ones.',
      )
    }
    if (staged.includes(applied + 1)) {
      throw new OffsetsLostError(
        `The group has no committed offsets, the state is at epoch ${applied}, and epoch ${applied + 1} is staged: ` +
          'whether its output was committed can no longer be known. ' +
          'Check the output topics, then clear the state of the job or set the group to the right offsets.',
      )
    }
    // The log drops the offsets of a group that was away for long; the state still has them.
    return { epoch: applied, apply: null, positions: 'state' }
  }
  if (committed === applied) return { epoch: committed, apply: null, positions: 'log' }
  const base = applied ?? 0
  if (committed === base + 1 && staged.includes(committed)) {
    return { epoch: committed, apply: committed, positions: 'log' }
  }
  if (committed > base) {
    throw new StateLostError(
      `The log has committed epoch ${committed}, but the state backend is at ${applied === null ? 'no epoch' : `epoch ${applied}`}. ` +
        'Restore the backend from its backup, or reset the group and clear the state to start anew.',
    )
  }
  throw new OffsetsLostError(
    `The state backend is at epoch ${applied}, but the committed offsets belong to epoch ${committed}: ` +
      'the offsets of the group were moved back. Restore them, or clear the state of the job to start anew.',
  )
}

function planByState({ applied, decided, staged }: TakeOverFacts): TakeOverPlan {
  if (decided === null || decided === applied) {
    return applied === null
      ? { epoch: 0, apply: null, positions: 'start' }
      : { epoch: applied, apply: null, positions: 'state' }
  }
  if (decided === (applied ?? 0) + 1 && staged.includes(decided)) {
    return { epoch: decided, apply: decided, positions: 'state' }
  }
  throw new StateLostError(
    `The state backend has decided epoch ${decided}, but its state is at ${applied === null ? 'no epoch' : `epoch ${applied}`} and the changes in between are gone. ` +
      'Restore the backend from its backup, or clear the state of the job to start anew.',
  )
}
