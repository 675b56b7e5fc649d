import type { StateChange, StateEntry } from './backend.ts'

/** The entries of some state, as a backend would have them. */
export class EntryMap {
  readonly #keys = new Map<string, Map<string, StateEntry>>()

  constructor(entries: Iterable<StateEntry> = []) {
    for (const entry of entries) this.apply(entry)
  }

  apply(change: StateChange): void {
    const id = keyId(change.state, change.key)
    if (change.sub === null && change.value === null) {
      this.#keys.delete(id)
      return
    }
    const entries = this.#keys.get(id) ?? new Map<string, StateEntry>()
    const sub = change.sub === null ? '-' : latin1(change.sub)
    if (change.value === null) entries.delete(sub)
    else entries.set(sub, { ...change, value: change.value })
    if (entries.size > 0) this.#keys.set(id, entries)
    else this.#keys.delete(id)
  }

  /** The entries of one key. */
  of(state: string, key: Uint8Array): StateEntry[] {
    return [...(this.#keys.get(keyId(state, key))?.values() ?? [])]
  }

  *values(): Iterable<StateEntry> {
    for (const entries of this.#keys.values()) yield* entries.values()
  }
}

function keyId(state: string, key: Uint8Array): string {
  return `${state}|${latin1(key)}`
}

function latin1(bytes: Uint8Array): string {
  // Marked, so that no sub key is taken for the value of a key.
  return `:${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')}`
}
