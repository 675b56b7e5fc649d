import { BaseOperator } from '../base-operator.ts'
import { InputGate } from '../input-gate.ts'
import type { Receiver } from '../operator.ts'
import type { LoopSpec } from './loop-spec.ts'
import type { RoundMark } from './round.ts'

/** What the tail of a loop is to know when its task starts again. */
export interface StoredTail {
  readonly rounds: unknown
  readonly records: number
  readonly aggregates: Record<string, unknown>
}

/**
 * Where a loop turns back: sends on what is fed back, and with the end of each round what this task has seen of it. Further
 * inputs bring what is aggregated.
 */
export class LoopTailOperator extends BaseOperator<unknown> {
  readonly inputs: readonly Receiver<never>[]
  readonly #spec: LoopSpec
  #records = 0
  #aggregates: Record<string, unknown> = {}

  constructor(spec: LoopSpec) {
    super()
    this.#spec = spec
    const takes = spec.aggregators.map((_, at) => (value: never) => this.#aggregate(at, value))
    this.gate = new InputGate([this.#feedBack, ...takes], this)
    this.inputs = this.gate.receivers
  }

  override snapshotRounds(): unknown {
    const rounds = super.snapshotRounds()
    if (rounds === null && this.#records === 0 && Object.keys(this.#aggregates).length === 0) return null
    // A copy: it is encoded only when the sinks are ready, and more is aggregated meanwhile.
    return { rounds, records: this.#records, aggregates: { ...this.#aggregates } } satisfies StoredTail
  }

  override restoreRounds(stored: unknown): void {
    const { rounds, records, aggregates } = stored as StoredTail
    if (rounds !== null) super.restoreRounds(rounds)
    this.#records = records
    this.#aggregates = aggregates
  }

  override onRound(mark: RoundMark): void {
    this.noteRound(mark)
    if (mark.kind !== 'end') return
    const tally = { records: this.#records, aggregates: this.#aggregates }
    this.#records = 0
    this.#aggregates = {}
    this.out.onRound({ kind: 'end', round: mark.round, tallies: [tally] })
  }

  override onSignal(): void {
    // What is said within a loop leaves it by its output, and does not go round.
  }

  readonly #feedBack = (value: never, timestamp: number): void => {
    this.#records++
    this.out.onRecord(value, timestamp)
  }

  #aggregate(at: number, value: never): void {
    const { name, initial, add } = this.#spec.aggregators[at] as LoopSpec['aggregators'][number]
    try {
      this.#aggregates[name] = add(name in this.#aggregates ? this.#aggregates[name] : initial, value)
    } catch (cause) {
      throw this.failed(cause)
    }
  }
}
