import type { StateChange, StateDelta, StateEntry, StoredEpoch } from '../backend.ts'

/** The entries of one key: a single value, entries by sub key, or both. Byte strings are latin1 text, one character a byte. */
interface KeyEntries {
  value: Buffer | null
  readonly subs: Map<string, Buffer>
}

interface KeyedGroup {
  readonly state: string
  readonly keyGroup: number
  readonly keys: Map<string, KeyEntries>
}

/** What is stored of one task: owned by no worker, shared by the stores of all of them. */
export class TaskStorage {
  /** The version of the layout; an unknown one is refused, as it would be in a store that outlives the process. */
  version: number = 1
  fence = 0
  applied: StoredEpoch | null = null
  decided: number | null = null
  /** Some changes of an epoch are made, and others are not. */
  isApplying = false
  readonly staged: Map<number, StagedDelta> = new Map()
  readonly #groups = new Map<string, KeyedGroup>()

  change(change: StateChange): void {
    const key = latin1(change.key)
    if (change.value === null) {
      this.#delete(change, key)
      return
    }
    const group = this.#group(change.state, change.keyGroup)
    let entries = group.keys.get(key)
    if (entries === undefined) {
      entries = { value: null, subs: new Map() }
      group.keys.set(key, entries)
    }
    const value = Buffer.from(change.value)
    if (change.sub === null) entries.value = value
    else entries.subs.set(latin1(change.sub), value)
  }

  /** The entries of one key, as copies. */
  entries(state: string, keyGroup: number, key: Uint8Array): StateEntry[] {
    const text = latin1(key)
    const entries = this.#groups.get(groupName(state, keyGroup))?.keys.get(text)
    const found: StateEntry[] = []
    if (entries !== undefined) collect(state, keyGroup, text, entries, found)
    return found
  }

  /** All entries of the states that are wanted in batches, as copies; each batch is taken when it is asked for. */
  *batches(size: number, isWanted: (state: string) => boolean): Generator<StateEntry[], void> {
    let batch: StateEntry[] = []
    for (const group of this.#groups.values()) {
      if (!isWanted(group.state)) continue
      for (const [key, entries] of group.keys) {
        collect(group.state, group.keyGroup, key, entries, batch)
        if (batch.length >= size) {
          yield batch
          batch = []
        }
      }
    }
    if (batch.length > 0) yield batch
  }

  #delete(change: StateChange, key: string): void {
    const group = this.#groups.get(groupName(change.state, change.keyGroup))
    const entries = group?.keys.get(key)
    if (group === undefined || entries === undefined) return
    if (change.sub !== null) {
      entries.subs.delete(latin1(change.sub))
      if (entries.subs.size > 0 || entries.value !== null) return
    }
    group.keys.delete(key)
  }

  #group(state: string, keyGroup: number): KeyedGroup {
    const name = groupName(state, keyGroup)
    let group = this.#groups.get(name)
    if (group === undefined) {
      group = { state, keyGroup, keys: new Map() }
      this.#groups.set(name, group)
    }
    return group
  }
}

/** A delta as it is kept until it is applied. */
export interface StagedDelta extends StateDelta {
  readonly changes: readonly StateChange[]
}

/** A copy of the delta that shares no bytes with it. */
export function copyDelta(delta: StateDelta): StagedDelta {
  return {
    epoch: delta.epoch,
    meta: Buffer.from(delta.meta),
    changes: Array.from(delta.changes, (change) => ({
      state: change.state,
      keyGroup: change.keyGroup,
      key: Buffer.from(change.key),
      sub: change.sub === null ? null : Buffer.from(change.sub),
      value: change.value === null ? null : Buffer.from(change.value),
    })),
  }
}

function collect(state: string, keyGroup: number, key: string, entries: KeyEntries, to: StateEntry[]): void {
  if (entries.value !== null) {
    to.push({ state, keyGroup, key: bytesOf(key), sub: null, value: Buffer.from(entries.value) })
  }
  for (const [sub, value] of entries.subs) {
    to.push({ state, keyGroup, key: bytesOf(key), sub: bytesOf(sub), value: Buffer.from(value) })
  }
}

function groupName(state: string, keyGroup: number): string {
  return `${keyGroup}:${state}`
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}
