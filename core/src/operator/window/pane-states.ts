import { StreamError } from '../../errors.ts'
import type { StateEntry } from '../../state/backend.ts'
import { type Cell, ListCell, MapCell, ValueCell } from '../../state/keyed/cells.ts'
import type { AggregatingDescriptor, ReducingDescriptor, StateDescriptor } from '../../state/keyed/descriptor.ts'
import { KeySlot } from '../../state/keyed/key-table.ts'
import type { CellDeclaration, Cells } from '../../state/keyed/keyed-states.ts'
import type { StateChanges } from '../../state/state-changes.ts'
import type { Pane } from './pane.ts'

/** The state of one window of one key. */
export class PaneStateSlot extends KeySlot<Cells> {
  readonly pane: Pane

  constructor(pane: Pane, data: Cells) {
    super(pane.slot.key, data)
    this.pane = pane
  }
}

/** One declared state, and how two of it become one when their windows do; null for what is not to be joined. */
export interface PaneStateDeclaration {
  readonly cell: CellDeclaration
  readonly descriptor: StateDescriptor | null
}

/** State of windows: what triggers and functions keep for each window of each key. */
export class PaneStates {
  readonly #declarations: readonly PaneStateDeclaration[]
  readonly #names: readonly string[]

  constructor(uid: string, declarations: readonly PaneStateDeclaration[]) {
    this.#declarations = declarations
    this.#names = declarations.map(({ cell }) => `${uid}/${cell.name}`)
  }

  get catalog(): { readonly state: string; readonly kind: string; readonly format: string }[] {
    return this.#declarations.map(({ cell: { kind, format } }, at) => ({
      state: this.#names[at] as string,
      kind: `window-${kind}`,
      format,
    }))
  }

  /** The names that they are stored under. */
  get names(): readonly string[] {
    return this.#names
  }

  has(state: string): boolean {
    return this.#names.includes(state)
  }

  create(pane: Pane): PaneStateSlot | null {
    if (this.#declarations.length === 0) return null
    return new PaneStateSlot(
      pane,
      this.#declarations.map(({ cell }) => cell.create()),
    )
  }

  /** Writes what has changed of the state of the window whose key was written last. */
  collect({ data }: PaneStateSlot, changes: StateChanges): void {
    for (let at = 0; at < data.length; at++) {
      const cell = data[at] as Cell
      cell.collect(changes, changes.numberOf(this.#names[at] as string))
    }
  }

  /** Deletes all that is stored of the state of the window whose key was written last. */
  drop(changes: StateChanges): void {
    for (const state of this.#names) changes.delete(changes.numberOf(state))
  }

  restore(slot: PaneStateSlot, { state, sub, value }: StateEntry): void {
    const cell = slot.data[this.#names.indexOf(state)] as Cell
    cell.restore(sub, value)
  }

  isEmpty(slot: PaneStateSlot): boolean {
    return slot.data.every(({ isEmpty }) => isEmpty)
  }

  /** Joins the state of `other` to that of `kept`. */
  merge(kept: PaneStateSlot, other: PaneStateSlot): void {
    this.#declarations.forEach(({ descriptor }, at) => {
      if (descriptor !== null) mergeCells(descriptor, kept.data[at] as Cell, other.data[at] as Cell)
    })
  }
}

function mergeCells(descriptor: StateDescriptor, kept: Cell, other: Cell): void {
  if (other.isEmpty) return
  if (kept instanceof ListCell && other instanceof ListCell) {
    kept.values.push(...other.values)
  } else if (kept instanceof MapCell && other instanceof MapCell) {
    for (const { key, value } of other.entries.values()) kept.set(key, value)
  } else if (kept instanceof ValueCell && other instanceof ValueCell) {
    kept.value = kept.value === undefined ? other.value : mergeValues(descriptor, kept.value, other.value)
    kept.changed = true
  }
}

function mergeValues(descriptor: StateDescriptor, kept: unknown, other: unknown): unknown {
  if (descriptor.kind === 'reducing') {
    return (descriptor as unknown as ReducingDescriptor<unknown>).reduce(kept, other)
  }
  const { merge } = (descriptor as unknown as AggregatingDescriptor<unknown, unknown, unknown>).aggregate
  if (merge !== undefined) return merge(kept, other)
  throw new StreamError('INVARIANT_BROKEN', `A ${descriptor.kind} state was to be merged, but has no rule for it.`)
}

/** Why windows with such a state cannot merge; null when they can. */
export function whyNotMergeable(descriptor: StateDescriptor): string | null {
  if (descriptor.kind === 'value') return 'is a value state, of which two cannot become one; use reducingState'
  if (descriptor.kind !== 'aggregating') return null
  const { merge } = (descriptor as unknown as AggregatingDescriptor<unknown, unknown, unknown>).aggregate
  return merge === undefined ? 'has an aggregate without merge' : null
}
