import { inspect } from 'node:util'
import { StreamError } from '../../errors.ts'
import { decodeKey, keyFormat } from '../../serde/key-codec.ts'
import type { Serde } from '../../serde/serde.ts'
import type { StateEntry, StateKey } from '../backend.ts'
import type { StateChanges } from '../state-changes.ts'
import { type Cell, ListCell, MapCell, ValueCell } from './cells.ts'
import type { StateDescriptor, StateDescriptors } from './descriptor.ts'
import { KeyCache } from './key-cache.ts'
import { KeySlot, KeyTable } from './key-table.ts'
import { type SlotState, valueInSlot } from './slot-states.ts'
import { Expiry, resolveTtl, type StateTime, stampedSerde } from './ttl.ts'
import { TtlSweep } from './ttl-sweep.ts'

/** The cells of one key, in the order of declaration. States that are kept in the slot have `IN_SLOT` in their place. */
export type Cells = readonly Cell[]

const IN_SLOT: Cell = { isEmpty: true, collect() {}, restore() {} }

/** Reads the entries of keys of one state (`<operator uid>/<state name>`), by position. */
export interface KeyReader {
  read(state: string, keys: readonly StateKey[]): Promise<readonly (readonly StateEntry[])[]>
}

/** One state of an operator, as far as storing it goes. */
export interface CellDeclaration {
  readonly name: string
  readonly kind: string
  /** Format of the values. */
  readonly format: string
  readonly create: () => Cell
  /** Set for a state with a ttl. */
  readonly expiry?: Expiry
  /** Set for what can do without a cell; `values` are in the slot already. Null when there is no room for it. */
  readonly inSlot?: (values: number) => SlotState | null
}

/**
 * The keyed state of one operator instance: a table of keys on the heap, which remembers what has changed since the last
 * barrier. Handles work on the `current` slot.
 */
export class KeyedStates {
  readonly table: KeyTable<Cells>
  /** The key that handles work on. */
  current: KeySlot<Cells> = new KeySlot<Cells>(undefined, [])
  readonly #uid: string
  readonly #maxParallelism: number
  readonly #declarations: readonly CellDeclaration[]
  readonly #names: readonly string[]
  /** States that have no cell, by position. */
  readonly slotStates: readonly (SlotState | null)[]
  /** Null when no state has a ttl. */
  readonly #sweep: TtlSweep | null
  #cache: KeyCache<Cells> | null = null
  /** Set where all keys can be listed: those with state that are not in the table, by their serialized form. */
  #away: Set<string> | null = null
  #isRestored = false
  /** Keys that nothing was kept for at the last barrier, where they are not forgotten at once. */
  #emptied: KeySlot<Cells>[] | null = null

  constructor(uid: string, maxParallelism: number, declarations: readonly CellDeclaration[]) {
    this.#uid = uid
    this.#maxParallelism = maxParallelism
    this.#declarations = declarations
    this.#names = declarations.map(({ name }) => `${uid}/${name}`)
    this.slotStates = slotStatesOf(declarations)
    const shared = declarations.map(() => IN_SLOT)
    const create = (): Cells =>
      declarations.map((declaration, at) => (this.slotStates[at] === null ? declaration.create() : IN_SLOT))
    this.table = new KeyTable<Cells>(this.slotStates.includes(null) ? create : () => shared)
    const swept = declarations.flatMap(({ kind, expiry }, at) => (expiry === undefined ? [] : [{ at, kind, expiry }]))
    this.#sweep = swept.length === 0 ? null : new TtlSweep(this.table, swept)
  }

  get catalog(): { readonly state: string; readonly kind: string; readonly format: string }[] {
    return this.#declarations.map(({ kind, format }, at) => ({
      state: this.#names[at] as string,
      kind,
      format: `${keyFormat}+${format}`,
    }))
  }

  /** Deletes all state that has expired. */
  dropExpired(): void {
    this.#sweep?.all()
  }

  /** Keys that nothing is kept for are forgotten one barrier later, for functions that use the same keys again soon. */
  forgetLater(): void {
    this.#emptied = []
  }

  /**
   * From now on at most so many keys are held; the others are read when they are needed. With `isListed` it is known which
   * those are, from all stored entries, which have to be restored then.
   */
  boundedBy(maxKeys: number, isComplete: boolean, isListed: boolean): KeyCache<Cells> {
    const keys = {
      table: this.table,
      isNew: (slot: KeySlot<Cells>, complete: boolean) => (this.#away === null ? complete : this.#isNew(slot)),
      drop: (slot: KeySlot<Cells>) => this.#drop(slot),
    }
    this.#cache = new KeyCache(keys, maxKeys, isComplete)
    if (isListed) this.#away = new Set()
    return this.#cache
  }

  /** After the last stored entry. */
  open(): void {
    this.dropExpired()
    this.#isRestored = true
  }

  /** All keys that something is kept for, wherever it is, by their serialized form. Only where they are listed. */
  list(): string[] {
    const ids: string[] = []
    for (const slot of this.table.slots()) {
      if (slot.mark?.isResident === false || this.hasState(slot)) ids.push(idOf(slot))
    }
    for (const id of this.#away ?? []) ids.push(id)
    return ids
  }

  /** The slot of a listed key, which may have to be read; undefined when nothing is kept for it any more. */
  listed(id: string): KeySlot<Cells> | undefined {
    const key = decodeKey(Buffer.from(id, 'latin1'))
    return this.#away?.has(id) === true ? this.#cache?.storedSlot(key) : this.table.find(key)
  }

  /** Whether a listed key is neither on the heap nor about to be read. */
  isAway(id: string): boolean {
    return this.#away?.has(id) === true
  }

  /** Reads these keys; what it gives puts them on the heap. */
  async read(reader: KeyReader, slots: readonly KeySlot<Cells>[]): Promise<() => void> {
    const keys = slots.map((slot) => ({ keyGroup: slot.keyGroup(this.#maxParallelism), key: slot.bytes }))
    const states = this.cachedStates
    const found = await Promise.all(states.map(({ state }) => reader.read(state, keys)))
    return () => {
      states.forEach(({ at }, n) => {
        slots.forEach((slot, position) => {
          for (const entry of found[n]?.[position] ?? []) this.restoreCell(slot, at, entry)
        })
      })
    }
  }

  /** Writes what has changed since the last call, and forgets keys that nothing is kept for. */
  collect(changes: StateChanges, epoch: number): void {
    this.#sweep?.step(this.table.dirtySize)
    const cache = this.#cache
    const unused = this.#emptied?.filter(({ isDirty }) => !isDirty) ?? []
    if (this.#emptied !== null) this.#emptied = []
    const dirty = this.table.takeDirty()
    cache?.onCollected(dirty, epoch)
    const numbers = this.#names.map((name) => changes.numberOf(name))
    for (const slot of dirty) {
      slot.beginKey(changes, this.#maxParallelism)
      changes.endKey(slot.keyGroup(this.#maxParallelism))
      let isEmpty = true
      for (let at = 0; at < slot.data.length; at++) {
        const slotState = this.slotStates[at] as SlotState | null
        const cell = slot.data[at] as Cell
        try {
          if (slotState === null) cell.collect(changes, numbers[at] as number)
          else slotState.collect(slot, changes, numbers[at] as number)
        } catch (cause) {
          throw this.#failed('ENCODE_FAILED', 'written', at, slot.key, cause)
        }
        if (slotState === null ? !cell.isEmpty : !slotState.isEmpty(slot)) isEmpty = false
      }
      if (isEmpty && this.#emptied !== null) this.#emptied.push(slot)
      else if (isEmpty && (cache === null || cache.mayForget(slot))) this.table.delete(slot)
    }
    for (const slot of unused) this.table.delete(slot)
  }

  /** States that are read when they are needed: all but timers, which must be known to fire. */
  get cachedStates(): readonly { readonly at: number; readonly state: string }[] {
    return this.#declarations.flatMap(({ kind }, at) =>
      kind === 'timers' ? [] : [{ at, state: this.#names[at] as string }],
    )
  }

  /** Takes a stored entry; false when it belongs to none of these states. */
  restore(entry: StateEntry, key: unknown): boolean {
    const at = this.#names.indexOf(entry.state)
    if (at < 0) return false
    if (this.#away !== null && this.#declarations[at]?.kind !== 'timers') {
      if (this.table.find(key) === undefined) this.#away.add(Buffer.from(entry.key).toString('latin1'))
      return true
    }
    this.restoreCell(this.#cache === null ? this.table.slot(key) : this.#cache.slot(key), at, entry)
    return true
  }

  restoreCell(slot: KeySlot<Cells>, at: number, { sub, value }: StateEntry): void {
    try {
      const slotState = this.slotStates[at] ?? null
      if (slotState === null) (slot.data[at] as Cell).restore(sub, value)
      else slotState.restore(slot, sub, value)
    } catch (cause) {
      throw this.#failed('STATE_CORRUPT', 'read', at, slot.key, cause)
    }
  }

  /** A listed key that is not away has nothing stored; before all are listed that is not known. */
  #isNew(slot: KeySlot<Cells>): boolean {
    const wasAway = this.#away?.delete(idOf(slot)) === true
    return this.#isRestored && !wasAway
  }

  /** A key with timers keeps its slot with them: they must fire. */
  #drop(slot: KeySlot<Cells>): boolean {
    const isAway = this.#away !== null && this.hasState(slot)
    let isNeeded = false
    this.#declarations.forEach(({ kind, create }, at) => {
      if (kind === 'timers') {
        if (this.#keeps(slot, at)) isNeeded = true
        return
      }
      const slotState = this.slotStates[at] ?? null
      if (slotState === null) (slot.data as Cell[])[at] = create()
      else slotState.reset(slot)
    })
    if (isAway && !isNeeded) this.#away?.add(idOf(slot))
    return isNeeded
  }

  /** Whether something is kept for the key on the heap. */
  hasState(slot: KeySlot<Cells>): boolean {
    return this.#declarations.some((_, at) => this.#keeps(slot, at))
  }

  #keeps(slot: KeySlot<Cells>, at: number): boolean {
    const slotState = this.slotStates[at] ?? null
    return slotState === null ? !(slot.data[at] as Cell).isEmpty : !slotState.isEmpty(slot)
  }

  #failed(
    code: 'ENCODE_FAILED' | 'STATE_CORRUPT',
    what: string,
    at: number,
    key: unknown,
    cause: unknown,
  ): StreamError {
    const text = cause instanceof Error ? cause.message : String(cause)
    return new StreamError(
      code,
      `State ${this.#names[at]} of key ${inspect(key)} cannot be ${what} as ${this.#declarations[at]?.format}: ${text}`,
      { where: { operator: this.#uid }, cause: StreamError.is(cause) ? (cause.cause ?? cause) : cause },
    )
  }
}

function slotStatesOf(declarations: readonly CellDeclaration[]): (SlotState | null)[] {
  let values = 0
  return declarations.map(({ kind, inSlot }) => {
    const slotState = inSlot?.(values) ?? null
    if (slotState !== null && kind !== 'timers') values++
    return slotState
  })
}

function idOf({ bytes }: KeySlot<Cells>): string {
  return bytes.toString('latin1')
}

/** How the declared states are stored; `time` is what their ttl goes by. */
export function declareCells(descriptors: StateDescriptors, time: StateTime): CellDeclaration[] {
  return Object.entries(descriptors).map(([name, declared]) => {
    const { kind, serde, ttl } = declared as unknown as StateDescriptor
    if (ttl === undefined) return declareCell(name, kind, serde as Serde<unknown>)
    const resolved = resolveTtl(ttl)
    const stamped = stampedSerde(serde as Serde<unknown>, () => time.ofUse(resolved.time))
    const { format, create } = declareCell(name, kind, stamped)
    return { name, kind, format, create, expiry: new Expiry(resolved, time) }
  })
}

function declareCell(name: string, kind: string, stored: Serde<unknown>): CellDeclaration {
  const { format } = stored
  if (kind === 'list') return { name, kind, format, create: () => new ListCell(stored) }
  if (kind === 'map') return { name, kind, format, create: () => new MapCell(stored) }
  return {
    name,
    kind,
    format,
    create: () => new ValueCell(stored),
    inSlot: (values) => valueInSlot(values, stored),
  }
}
