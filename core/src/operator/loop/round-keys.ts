import { StreamError } from '../../errors.ts'
import type { KeySlot, KeyTable } from '../../state/keyed/key-table.ts'
import type { CellDeclaration, Cells } from '../../state/keyed/keyed-states.ts'
import { RoundState } from './round-state.ts'

function neverInCell(): never {
  throw new StreamError(
    'INVARIANT_BROKEN',
    'Whether a key is in the round is kept in its slot, for which there is always room.',
  )
}

/** Stored beside the declared states, as timers are: a key whose turn comes at the end of the round has one. */
export const roundCells: readonly CellDeclaration[] = [
  { name: '$round-keys', kind: 'timers', format: 'timer@1', create: neverInCell, inSlot: () => new RoundState() },
]

/** The keys that had a record in the round, in the order of their first ones: the end of it costs as much as they are many. */
export class RoundKeys {
  readonly #table: KeyTable<Cells>
  #slots: KeySlot<Cells>[] = []
  #next = 0

  constructor(table: KeyTable<Cells>) {
    this.#table = table
  }

  /** To be called once, after the state was restored. */
  open(): void {
    const restored: { readonly slot: KeySlot<Cells>; readonly bytes: Buffer }[] = []
    for (const slot of this.#table.slots()) if (slot.isInRound) restored.push({ slot, bytes: slot.bytes })
    // The order must not depend on that in which the backend gave the entries.
    restored.sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    this.#slots = restored.map(({ slot }) => slot)
  }

  add(slot: KeySlot<Cells>): void {
    if (slot.isInRound) return
    slot.isInRound = true
    this.#table.markDirty(slot)
    this.#slots.push(slot)
  }

  /** False when it came to a key whose state has to be read first: then it is to be called again. */
  fire(onKey: (slot: KeySlot<Cells>) => void): boolean {
    for (; this.#next < this.#slots.length; this.#next++) {
      const slot = this.#slots[this.#next] as KeySlot<Cells>
      if (slot.mark?.isResident === false) return false
      slot.isInRound = false
      this.#table.markDirty(slot)
      onKey(slot)
    }
    this.#slots = []
    this.#next = 0
    return true
  }

  /** Keys whose turn it is and whose state has to be read, up to a number of them. */
  awaited(limit: number): Set<KeySlot<Cells>> {
    const awaited = new Set<KeySlot<Cells>>()
    for (let at = this.#next; at < this.#slots.length && awaited.size < limit; at++) {
      const slot = this.#slots[at] as KeySlot<Cells>
      if (slot.mark?.isResident === false) awaited.add(slot)
    }
    return awaited
  }
}
