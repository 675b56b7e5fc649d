import type { Cell, ListCell, MapCell, ValueCell } from './cells.ts'
import type { KeySlot, KeyTable } from './key-table.ts'
import type { Expiry, Stamped } from './ttl.ts'

/** Keys that a barrier looks at even when it brings no change. */
const LEAST_KEYS = 256

export interface SweptState {
  readonly at: number
  readonly kind: string
  readonly expiry: Expiry
}

/**
 * Deletes what has expired and is never used again, a part of the keys at each barrier. The part grows with the number of
 * keys that changed, twice as fast: however many new keys come, the sweep gets round.
 */
export class TtlSweep {
  readonly #table: KeyTable<readonly Cell[]>
  readonly #states: readonly SweptState[]
  #round: Iterator<KeySlot<readonly Cell[]>>

  constructor(table: KeyTable<readonly Cell[]>, states: readonly SweptState[]) {
    this.#table = table
    this.#states = states
    this.#round = table.slots()[Symbol.iterator]()
  }

  /** Looks at some keys; the changes are collected by the barrier. */
  step(changedKeys: number): void {
    this.#visit(Math.min(this.#table.size, LEAST_KEYS + 2 * changedKeys))
  }

  all(): void {
    this.#visit(this.#table.size)
  }

  #visit(keys: number): void {
    let restarted = false
    for (let left = keys; left > 0; ) {
      const next = this.#round.next()
      if (next.done !== true) {
        left--
        this.#clean(next.value)
      } else if (restarted) return
      else {
        restarted = true
        this.#round = this.#table.slots()[Symbol.iterator]()
      }
    }
  }

  #clean(slot: KeySlot<readonly Cell[]>): void {
    let isChanged = false
    for (const { at, kind, expiry } of this.#states) {
      if (dropExpired(kind, slot.data[at] as Cell, expiry)) isChanged = true
    }
    if (isChanged) this.#table.markDirty(slot)
  }
}

/** Takes what has expired out of a cell; true when there was something. */
export function dropExpired(kind: string, cell: Cell, expiry: Expiry): boolean {
  if (kind === 'list') return dropElements(cell as ListCell, expiry)
  if (kind === 'map') return dropEntries(cell as MapCell, expiry)
  const value = cell as ValueCell
  if (value.value === undefined || !expiry.hasExpired(value.value as Stamped)) return false
  value.value = undefined
  value.changed = true
  return true
}

function dropElements(cell: ListCell, expiry: Expiry): boolean {
  const kept = cell.values.filter((element) => !expiry.hasExpired(element as Stamped))
  if (kept.length === cell.values.length) return false
  cell.replace(kept)
  return true
}

function dropEntries(cell: MapCell, expiry: Expiry): boolean {
  const expired: unknown[] = []
  for (const { key, value } of cell.entries.values()) if (expiry.hasExpired(value as Stamped)) expired.push(key)
  for (const key of expired) cell.delete(key)
  return expired.length > 0
}
