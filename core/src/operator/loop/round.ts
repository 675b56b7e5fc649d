import type { Aggregator } from './aggregator.ts'

/** What one task has seen of a round at the end of its loop: records that go into the next one, and its part of the aggregates. */
export interface Tally {
  readonly records: number
  readonly aggregates: Readonly<Record<string, unknown>>
}

/** Where one round of a loop ends and the next begins: an element in band, in order with the records. */
export type RoundMark =
  /** Records of the round follow; `aggregates` are those of the round before. */
  | { readonly kind: 'start'; readonly round: number; readonly aggregates: Readonly<Record<string, unknown>> }
  /** No record of the round follows. Behind the end of the loop it carries what each task has seen. */
  | { readonly kind: 'end'; readonly round: number; readonly tallies: readonly Tally[] }
  /** The loop is over after this round: no round follows. */
  | { readonly kind: 'over'; readonly round: number }

/** Whether functions hear of it: before the first round there is only the reading of what the loop begins with. */
export function endsRound(mark: RoundMark): boolean {
  return mark.kind === 'end' && mark.round > 0
}

/** A round as functions in a loop see it. */
export interface Round {
  /** 1 for the first; 0 outside of loops, and while the inputs of a loop are read that it begins with. */
  readonly number: number
  /** What was aggregated: in functions of the loop over the round before, in `converged` over the one that has ended. */
  get<Value>(aggregator: Aggregator<never, Value>): Value
}

export class RoundView implements Round {
  readonly number: number
  readonly #aggregates: Readonly<Record<string, unknown>>

  constructor(number: number, aggregates: Readonly<Record<string, unknown>>) {
    this.number = number
    this.#aggregates = aggregates
  }

  get<Value>(aggregator: Aggregator<never, Value>): Value {
    const { name, initial } = aggregator
    return (name in this.#aggregates ? this.#aggregates[name] : initial) as Value
  }
}

export const NO_ROUND: Round = new RoundView(0, {})
