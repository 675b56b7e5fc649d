import type { KeySlot, KeyTable } from '../../state/keyed/key-table.ts'
import type { CellDeclaration, Cells } from '../../state/keyed/keyed-states.ts'
import { RoundCell } from './round-cell.ts'

/** Stored beside the declared states, as timers are: a key whose turn comes at the end of the round has one. */
export const roundCells: readonly CellDeclaration[] = [
  { name: '$round-keys', kind: 'timers', format: 'timer@1', create: () => new RoundCell() },
]

/** The keys that had a record in the round, in the order of their first ones: the end of it costs as much as they are many. */
export class RoundKeys {
  readonly #table: KeyTable<Cells>
  readonly #cellAt: number
  #slots: KeySlot<Cells>[] = []
  #next = 0

  /** `cellAt` is where `roundCells` begin among the cells of a key. */
  constructor(table: KeyTable<Cells>, cellAt: number) {
    this.#table = table
    this.#cellAt = cellAt
  }

  /** To be called once, after the state was restored. */
  open(): void {
    this.#slots = [...this.#table.slots()].filter((slot) => !this.#cell(slot).isEmpty)
    for (const slot of this.#slots) slot.isInRound = true
    // The order must not depend on that in which the backend gave the entries.
    this.#slots.sort((a, b) => Buffer.compare(a.bytes, b.bytes))
  }

  add(slot: KeySlot<Cells>): void {
    if (slot.isInRound) return
    slot.isInRound = true
    this.#cell(slot).isSet = true
    this.#table.markDirty(slot)
    this.#slots.push(slot)
  }

  /** False when it came to a key whose state has to be read first: then it is to be called again. */
  fire(onKey: (slot: KeySlot<Cells>) => void): boolean {
    for (; this.#next < this.#slots.length; this.#next++) {
      const slot = this.#slots[this.#next] as KeySlot<Cells>
      if (slot.mark?.isResident === false) return false
      slot.isInRound = false
      this.#cell(slot).isSet = false
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

  #cell(slot: KeySlot<Cells>): RoundCell {
    return slot.data[this.#cellAt] as RoundCell
  }
}
