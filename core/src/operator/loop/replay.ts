import { keyFormat } from '../../serde/key-codec.ts'
import type { Serde } from '../../serde/serde.ts'
import type { StateEntry } from '../../state/backend.ts'
import { BaseOperator } from '../base-operator.ts'
import { InputGate } from '../input-gate.ts'
import type { Driven, OperatorContext, PendingWork, Receiver, StateCatalogEntry } from '../operator.ts'
import { FeedbackQueue } from './feedback-queue.ts'
import type { RoundMark } from './round.ts'

/** What a replay is to know when its task starts again. */
export interface StoredReplay {
  readonly rounds: unknown
  readonly next: number
  readonly end: RoundMark | null
}

/**
 * Keeps the records of a stream from outside a loop and sends them in every round of it. The second input brings nothing but the
 * rounds. The end of a round waits until all has been sent.
 */
export class ReplayOperator extends BaseOperator<unknown> implements Driven, PendingWork {
  readonly inputs: readonly Receiver<never>[]
  readonly isCrowded = false
  readonly defersBarriers = false
  readonly isFull = false
  readonly holdsBarriers = false
  readonly needsCommit = false
  readonly suspendsCommits = false
  readonly #serde: Serde<unknown>
  #records!: FeedbackQueue
  /** The next one to send in this round. */
  #next = 0
  /** The end of the round, which waits. */
  #end: RoundMark | null = null

  constructor(serde: Serde<unknown>) {
    super()
    this.#serde = serde
    this.gate = new InputGate([this.#onConstant, () => {}], this)
    this.inputs = this.gate.receivers
  }

  override setup(context: OperatorContext): void {
    super.setup(context)
    const { uid, index, parallelism, maxParallelism } = context
    const state = `${uid}/records`
    this.#records = new FeedbackQueue({ state, serde: this.#serde, index, parallelism, maxParallelism })
  }

  override get catalog(): readonly StateCatalogEntry[] {
    const { uid } = this.context
    return [{ state: `${uid}/records`, kind: 'loop', format: `${keyFormat}+${this.#serde.format}` }]
  }

  override get pending(): PendingWork {
    return this
  }

  override get driven(): Driven {
    return this
  }

  produce(): boolean {
    return false
  }

  get isEmpty(): boolean {
    return this.#next >= this.#records.size
  }

  override restore(entry: StateEntry): void {
    this.#records.restore(entry)
  }

  override open(): void {
    this.#records.open()
  }

  override snapshotRounds(): unknown {
    const rounds = super.snapshotRounds()
    if (rounds === null && this.#next === 0) return null
    return { rounds, next: this.#next, end: this.#end } satisfies StoredReplay
  }

  override restoreRounds(stored: unknown): void {
    const { rounds, next, end } = stored as StoredReplay
    if (rounds !== null) super.restoreRounds(rounds)
    this.#next = next
    this.#end = end
  }

  override onRound(mark: RoundMark): void {
    this.noteRound(mark)
    if (mark.kind === 'start') this.#next = 0
    if (mark.kind === 'end' && mark.round > 0 && !this.isEmpty) this.#end = mark
    else this.out.onRound(mark)
  }

  override onSignal(): void {
    // Records are sent anew in every round; what was said among them is not.
  }

  override onBarrier(epoch: number): void {
    this.#records.collect(this.context.delta.changes)
    super.onBarrier(epoch)
  }

  drive(records: number): number {
    // Before the first round it only gathers; without one it has nothing to send.
    if (this.round.number === 0 || this.isEmpty) return -1
    const sent = this.#records.visit(this.#next, records, (value, timestamp) => this.out.onRecord(value, timestamp))
    this.#next += sent
    if (this.isEmpty && this.#end !== null) {
      const end = this.#end
      this.#end = null
      this.out.onRound(end)
    }
    return sent
  }

  readonly #onConstant = (value: unknown, timestamp: number): void => this.#records.push(value, timestamp)
}
