import type { ListCell, MapCell, ValueCell } from './cells.ts'
import type {
  AggregatingDescriptor,
  ReducingDescriptor,
  StateDescriptor,
  StateDescriptors,
  StateHandles,
  ValueDescriptor,
} from './descriptor.ts'
import type { AggregatingState, ListState, MapState, ReducingState, ValueState } from './handles.ts'
import type { KeySlot, KeyTable } from './key-table.ts'
import type { Cells } from './keyed-states.ts'
import { type SlotState, ValueInSlot } from './slot-states.ts'
import { Expiry, resolveTtl, type StateTime } from './ttl.ts'
import { TtlListHandle, TtlMapHandle, TtlValueHandle } from './ttl-handles.ts'

/** Whose current key the handles work on. */
export interface Owner {
  readonly table: Pick<KeyTable<Cells>, 'markDirty'>
  readonly current: KeySlot<Cells>
  /** States that have no cell, by position. */
  readonly slotStates?: readonly (SlotState | null)[]
}

/** The handle of the declaration at this position; `time` is what its ttl goes by. */
function createHandle(descriptor: StateDescriptor, at: number, owner: Owner, time: StateTime): unknown {
  const expiry = descriptor.ttl === undefined ? null : new Expiry(resolveTtl(descriptor.ttl), time)
  switch (descriptor.kind) {
    case 'value':
      return single(owner, at, (descriptor as ValueDescriptor<unknown, unknown>).initial, expiry)
    case 'list':
      return expiry === null ? new ListHandle(owner, at) : new TtlListHandle(owner, at, expiry)
    case 'map':
      return expiry === null ? new MapHandle(owner, at) : new TtlMapHandle(owner, at, expiry)
    case 'reducing':
      return new ReducingHandle(
        single(owner, at, undefined, expiry),
        descriptor as unknown as ReducingDescriptor<unknown>,
      )
    case 'aggregating':
      return new AggregatingHandle(
        single(owner, at, undefined, expiry),
        descriptor as unknown as AggregatingDescriptor<unknown, unknown, unknown>,
      )
  }
}

type Single = ValueHandle | SlotValueHandle | TtlValueHandle

function single(owner: Owner, at: number, initial: unknown, expiry: Expiry | null): Single {
  if (expiry !== null) return new TtlValueHandle(owner, at, initial, expiry)
  const slotState = owner.slotStates?.[at]
  if (slotState instanceof ValueInSlot) return new SlotValueHandle(owner, slotState.position, initial)
  return new ValueHandle(owner, at, initial)
}

/** What a key without a value has: a copy, so that a key that changes its initial object does not change that of all the others. */
function initially(initial: unknown): unknown {
  return typeof initial === 'object' && initial !== null ? structuredClone(initial) : initial
}

class ValueHandle implements ValueState<unknown, unknown> {
  readonly #owner: Owner
  readonly #at: number
  readonly #initial: unknown

  constructor(owner: Owner, at: number, initial: unknown) {
    this.#owner = owner
    this.#at = at
    this.#initial = initial
  }

  get(): unknown {
    const { value } = this.#owner.current.data[this.#at] as ValueCell
    return value === undefined ? initially(this.#initial) : value
  }

  set(value: unknown): void {
    const { current, table } = this.#owner
    const cell = current.data[this.#at] as ValueCell
    // One that was changed in place counts as changed. It is not written, which the garbage collector would have to note.
    if (!Object.is(cell.value, value)) cell.value = value
    cell.changed = true
    table.markDirty(current)
  }

  clear(): void {
    this.set(undefined)
  }
}

/** As `ValueHandle`, of a value that is kept in the slot. */
class SlotValueHandle implements ValueState<unknown, unknown> {
  readonly #owner: Owner
  readonly #position: number
  readonly #initial: unknown

  constructor(owner: Owner, position: number, initial: unknown) {
    this.#owner = owner
    this.#position = position
    this.#initial = initial
  }

  get(): unknown {
    const value = this.#owner.current.value(this.#position)
    return value === undefined ? initially(this.#initial) : value
  }

  set(value: unknown): void {
    const { current, table } = this.#owner
    const position = this.#position
    if (!Object.is(current.value(position), value)) current.setValue(position, value)
    current.markValueChanged(position, true)
    table.markDirty(current)
  }

  clear(): void {
    this.set(undefined)
  }
}

class ListHandle implements ListState<unknown> {
  readonly #owner: Owner
  readonly #at: number

  constructor(owner: Owner, at: number) {
    this.#owner = owner
    this.#at = at
  }

  get(): readonly unknown[] {
    return this.#cell.values
  }

  add(value: unknown): void {
    this.#cell.values.push(value)
    this.#changed()
  }

  set(values: Iterable<unknown>): void {
    this.#cell.replace([...values])
    this.#changed()
  }

  clear(): void {
    this.set([])
  }

  get #cell(): ListCell {
    return this.#owner.current.data[this.#at] as ListCell
  }

  #changed(): void {
    this.#owner.table.markDirty(this.#owner.current)
  }
}

class MapHandle implements MapState<unknown, unknown> {
  readonly #owner: Owner
  readonly #at: number

  constructor(owner: Owner, at: number) {
    this.#owner = owner
    this.#at = at
  }

  get size(): number {
    return this.#cell.entries.size
  }

  get(key: unknown): unknown {
    return this.#cell.get(key)
  }

  has(key: unknown): boolean {
    return this.#cell.has(key)
  }

  set(key: unknown, value: unknown): void {
    this.#cell.set(key, value)
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
    for (const { key, value } of this.#cell.entries.values()) yield [key, value]
  }

  *keys(): Iterable<unknown> {
    for (const { key } of this.#cell.entries.values()) yield key
  }

  *values(): Iterable<unknown> {
    for (const { value } of this.#cell.entries.values()) yield value
  }

  get #cell(): MapCell {
    return this.#owner.current.data[this.#at] as MapCell
  }

  #changed(): void {
    this.#owner.table.markDirty(this.#owner.current)
  }
}

class ReducingHandle implements ReducingState<unknown> {
  readonly #value: Single
  readonly #reduce: (left: unknown, right: unknown) => unknown

  constructor(value: Single, { reduce }: ReducingDescriptor<unknown>) {
    this.#value = value
    this.#reduce = reduce
  }

  get(): unknown {
    return this.#value.get()
  }

  add(value: unknown): void {
    const before = this.#value.get()
    this.#value.set(before === undefined ? value : this.#reduce(before, value))
  }

  clear(): void {
    this.#value.clear()
  }
}

class AggregatingHandle implements AggregatingState<unknown, unknown> {
  readonly #value: Single
  readonly #aggregate: AggregatingDescriptor<unknown, unknown, unknown>['aggregate']

  constructor(value: Single, { aggregate }: AggregatingDescriptor<unknown, unknown, unknown>) {
    this.#value = value
    this.#aggregate = aggregate
  }

  get(): unknown {
    const accumulator = this.#value.get()
    return accumulator === undefined ? undefined : this.#aggregate.result(accumulator)
  }

  add(value: unknown): void {
    this.#value.set(this.#aggregate.add(this.#value.get() ?? this.#aggregate.create(), value))
  }

  clear(): void {
    this.#value.clear()
  }
}

/** The handles of all declarations, by name. */
export function createHandles<Descriptors extends StateDescriptors>(
  descriptors: Descriptors,
  owner: Owner,
  time: StateTime,
): StateHandles<Descriptors> {
  const entries = Object.entries(descriptors).map(([name, descriptor], at) => [
    name,
    createHandle(descriptor as unknown as StateDescriptor, at, owner, time),
  ])
  return Object.fromEntries(entries) as StateHandles<Descriptors>
}
