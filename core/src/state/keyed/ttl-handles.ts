import type { Cell, ListCell, MapCell, ValueCell } from './cells.ts'
import type { ListState, MapState, ValueState } from './handles.ts'
import type { KeySlot, KeyTable } from './key-table.ts'
import type { Expiry, Stamped } from './ttl.ts'
import { dropExpired } from './ttl-sweep.ts'

/*
 * The handles of states with a ttl. They are classes of their own, so that states without one pay nothing for it. A read
 * that meets something expired drops it; with 'until-cleaned' that read is the last that sees it.
 */

interface Owner {
  readonly table: Pick<KeyTable<readonly Cell[]>, 'markDirty'>
  readonly current: KeySlot<readonly Cell[]>
}

export class TtlValueHandle implements ValueState<unknown, unknown> {
  readonly #owner: Owner
  readonly #at: number
  readonly #initial: unknown
  readonly #expiry: Expiry

  constructor(owner: Owner, at: number, initial: unknown, expiry: Expiry) {
    this.#owner = owner
    this.#at = at
    this.#initial = initial
    this.#expiry = expiry
  }

  get(): unknown {
    const stamped = this.#cell.value as Stamped | undefined
    if (stamped === undefined) return this.#fallback()
    if (this.#expiry.hasExpired(stamped)) {
      this.#put(undefined)
      return this.#expiry.showsExpired ? stamped.value : this.#fallback()
    }
    if (this.#expiry.countsReads) {
      const touched = this.#expiry.touched(stamped)
      if (touched !== stamped) this.#put(touched)
    }
    return stamped.value
  }

  set(value: unknown): void {
    this.#put(value === undefined ? undefined : this.#expiry.stamp(value))
  }

  clear(): void {
    this.#put(undefined)
  }

  #put(stamped: Stamped | undefined): void {
    const cell = this.#cell
    cell.value = stamped
    cell.changed = true
    this.#owner.table.markDirty(this.#owner.current)
  }

  #fallback(): unknown {
    return typeof this.#initial === 'object' && this.#initial !== null ? structuredClone(this.#initial) : this.#initial
  }

  get #cell(): ValueCell {
    return this.#owner.current.data[this.#at] as ValueCell
  }
}

export class TtlListHandle implements ListState<unknown> {
  readonly #owner: Owner
  readonly #at: number
  readonly #expiry: Expiry

  constructor(owner: Owner, at: number, expiry: Expiry) {
    this.#owner = owner
    this.#at = at
    this.#expiry = expiry
  }

  get(): readonly unknown[] {
    const cell = this.#cell
    const before = cell.values as Stamped[]
    if (dropExpired('list', cell, this.#expiry)) this.#changed()
    if (this.#expiry.countsReads) this.#touch(cell)
    const seen = this.#expiry.showsExpired ? before : (cell.values as Stamped[])
    return seen.map(({ value }) => value)
  }

  add(value: unknown): void {
    this.#cell.values.push(this.#expiry.stamp(value))
    this.#changed()
  }

  set(values: Iterable<unknown>): void {
    this.#cell.replace([...values].map((value) => this.#expiry.stamp(value)))
    this.#changed()
  }

  clear(): void {
    this.set([])
  }

  #touch(cell: ListCell): void {
    const values = cell.values as Stamped[]
    const touched = values.map((element) => this.#expiry.touched(element))
    if (touched.every((element, at) => element === values[at])) return
    cell.replace(touched)
    this.#changed()
  }

  get #cell(): ListCell {
    return this.#owner.current.data[this.#at] as ListCell
  }

  #changed(): void {
    this.#owner.table.markDirty(this.#owner.current)
  }
}

export class TtlMapHandle implements MapState<unknown, unknown> {
  readonly #owner: Owner
  readonly #at: number
  readonly #expiry: Expiry

  constructor(owner: Owner, at: number, expiry: Expiry) {
    this.#owner = owner
    this.#at = at
    this.#expiry = expiry
  }

  /** Looking at the size is not a use of the entries. */
  get size(): number {
    const { entries } = this.#cell
    if (this.#expiry.showsExpired) return entries.size
    let size = 0
    for (const { value } of entries.values()) if (!this.#expiry.hasExpired(value as Stamped)) size++
    return size
  }

  get(key: unknown): unknown {
    return this.#use(key)?.value
  }

  has(key: unknown): boolean {
    return this.#use(key) !== undefined
  }

  set(key: unknown, value: unknown): void {
    this.#cell.set(key, this.#expiry.stamp(value))
    this.#changed()
  }

  delete(key: unknown): void {
    this.#cell.delete(key)
    this.#changed()
  }

  clear(): void {
    this.#cell.clear()
    this.#changed()
  }

  *entries(): Iterable<readonly [unknown, unknown]> {
    // Taken at once: using an entry may drop it.
    for (const { key } of [...this.#cell.entries.values()]) {
      const stamped = this.#use(key)
      if (stamped !== undefined) yield [key, stamped.value]
    }
  }

  *keys(): Iterable<unknown> {
    for (const [key] of this.entries()) yield key
  }

  *values(): Iterable<unknown> {
    for (const [, value] of this.entries()) yield value
  }

  #use(key: unknown): Stamped | undefined {
    const cell = this.#cell
    const stamped = cell.get(key) as Stamped | undefined
    if (stamped === undefined) return undefined
    if (this.#expiry.hasExpired(stamped)) {
      cell.delete(key)
      this.#changed()
      return this.#expiry.showsExpired ? stamped : undefined
    }
    if (!this.#expiry.countsReads) return stamped
    const touched = this.#expiry.touched(stamped)
    if (touched === stamped) return stamped
    cell.set(key, touched)
    this.#changed()
    return touched
  }

  get #cell(): MapCell {
    return this.#owner.current.data[this.#at] as MapCell
  }

  #changed(): void {
    this.#owner.table.markDirty(this.#owner.current)
  }
}
