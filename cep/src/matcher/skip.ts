import { StreamError } from '@millrace/core'
import type { Automaton } from '../automaton/automaton.ts'
import type { Taken } from './matched-events.ts'

/** What a match drops: all that began before (or at) an event, by the event's number among those of its key. */
export interface Dropped {
  /** The least number that stays; negative infinity drops nothing. */
  readonly from: number
  /** The one number that does not stay, besides; -1 for none. */
  readonly only: number
}

const NOTHING: Dropped = { from: Number.NEGATIVE_INFINITY, only: -1 }

/** @throws SKIP_TARGET_MISSING where the pattern says that it is an error */
export function droppedBy({ name, stages, afterMatch }: Automaton, taken: readonly Taken[]): Dropped {
  const start = (taken[0] as Taken).event.sequence
  switch (afterMatch.kind) {
    case 'noSkip':
      return NOTHING
    case 'skipToNext':
      return { from: Number.NEGATIVE_INFINITY, only: start }
    case 'skipPastLastEvent':
      return { from: (taken.at(-1) as Taken).event.sequence + 1, only: -1 }
    default: {
      const stage = stages.indexOf(afterMatch.stage)
      const isTarget = (each: Taken): boolean => each.stage === stage
      const target = afterMatch.kind === 'skipToFirst' ? taken.find(isTarget) : taken.findLast(isTarget)
      if (afterMatch.missing === 'error' && (target === undefined || target.event.sequence === start)) {
        const why =
          target === undefined
            ? `has no event of '${afterMatch.stage}'`
            : `has its very first event there, so the same match would come for ever`
        throw new StreamError(
          'SKIP_TARGET_MISSING',
          `Pattern '${name}' skips to '${afterMatch.stage}' after a match, but one ${why}.`,
        )
      }
      return target === undefined ? NOTHING : { from: target.event.sequence, only: -1 }
    }
  }
}
