import type { ByteWriter } from '../../serde/byte-writer.ts'
import type { Serde } from '../../serde/serde.ts'
import type { StateEntry } from '../../state/backend.ts'
import { InputGate } from '../input-gate.ts'
import type { AlignedRounds } from '../loop/round-alignment.ts'
import type { Driven, Operator, OperatorContext, PendingWork, Receiver, StateCatalogEntry } from '../operator.ts'
import type { OperatorState } from '../operator-state.ts'
import type { StoredCombination } from '../signal/signal-combiner.ts'

/** A record with the stream that it came from: 0 for the left one, 1 for the right one. */
export interface Tagged {
  readonly side: 0 | 1
  readonly value: unknown
}

/** The side as a byte, then the value. */
export function taggedSerde(left: Serde<unknown>, right: Serde<unknown>): Serde<Tagged> {
  return {
    format: `tagged@1(${left.format},${right.format})`,
    encode({ side, value }: Tagged, target: ByteWriter): void {
      target.writeUint8(side)
      ;(side === 0 ? left : right).encode(value, target)
    },
    decode(bytes: Buffer, start: number, end: number): Tagged {
      const side = bytes[start] === 0 ? 0 : 1
      return { side, value: (side === 0 ? left : right).decode(bytes, start + 1, end) }
    },
  }
}

/** Gives an operator with one input two of them; their records come to it tagged. */
export class TaggedInputs implements Operator {
  readonly inputs: readonly Receiver<never>[]
  readonly #operator: Operator
  readonly #gate: InputGate

  constructor(operator: Operator) {
    this.#operator = operator
    const input = operator.inputs[0] as Receiver<unknown>
    this.#gate = new InputGate(
      [
        (value: unknown, timestamp) => input.onRecord({ side: 0, value } satisfies Tagged, timestamp),
        (value: unknown, timestamp) => input.onRecord({ side: 1, value } satisfies Tagged, timestamp),
      ],
      input,
    )
    this.inputs = this.#gate.receivers
  }

  get catalog(): readonly StateCatalogEntry[] {
    return this.#operator.catalog
  }

  get pending(): PendingWork | null {
    return this.#operator.pending
  }

  get driven(): Driven | null {
    return this.#operator.driven
  }

  get changedKeys(): number {
    return this.#operator.changedKeys
  }

  snapshotRounds(): unknown {
    const aligned = this.#gate.rounds.snapshot()
    const operator = this.#operator.snapshotRounds()
    return aligned === null && operator === null ? null : { aligned, operator }
  }

  restoreRounds(stored: unknown): void {
    const { aligned, operator } = stored as { readonly aligned: AlignedRounds | null; readonly operator: unknown }
    if (aligned !== null) this.#gate.rounds.restore(aligned)
    if (operator !== null) this.#operator.restoreRounds(operator)
  }

  snapshotSignals(): unknown {
    const inputs = this.#gate.snapshotSignals()
    const operator = this.#operator.snapshotSignals()
    return inputs === null && operator === null ? null : { inputs, operator }
  }

  restoreSignals(stored: unknown): void {
    const { inputs, operator } = stored as { readonly inputs: StoredCombination | null; readonly operator: unknown }
    if (inputs !== null) this.#gate.restoreSignals(inputs)
    if (operator !== null) this.#operator.restoreSignals(operator)
  }

  setup(context: OperatorContext): void {
    if (context.signals !== null) this.#gate.expect(context.signals)
    this.#operator.setup(context)
  }

  restore(entry: StateEntry): void {
    this.#operator.restore(entry)
  }

  restoresAtStart(state: string): boolean {
    return this.#operator.restoresAtStart(state)
  }

  peek(key: unknown): object | undefined {
    return this.#operator.peek(key)
  }

  onApplied(epoch: number): void {
    this.#operator.onApplied(epoch)
  }

  restoreOperatorState(state: OperatorState): void {
    this.#operator.restoreOperatorState(state)
  }

  open(): void | Promise<void> {
    return this.#operator.open()
  }

  close(): void | Promise<void> {
    return this.#operator.close()
  }
}
