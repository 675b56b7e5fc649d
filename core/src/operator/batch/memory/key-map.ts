import { keyBytes } from '../../../serde/key-codec.ts'

/** What is kept of a key. */
export interface KeyEntry<V> {
  readonly key: unknown
  value: V
}

/** A map by key: primitive keys by themselves, all others by their serialized form, since equal ones are different objects. */
export class KeyMap<V> {
  readonly #primitive = new Map<unknown, KeyEntry<V>>()
  readonly #composite = new Map<string, KeyEntry<V>>()

  get size(): number {
    return this.#primitive.size + this.#composite.size
  }

  /** @throws KEY_INVALID for what cannot be a key */
  get(key: unknown): KeyEntry<V> | undefined {
    return isPrimitive(key) ? this.#primitive.get(key) : this.#composite.get(keyBytes(key).toString('latin1'))
  }

  /** For a key that is not there yet. */
  add(key: unknown, value: V): KeyEntry<V> {
    const entry = { key, value }
    if (isPrimitive(key)) this.#primitive.set(key, entry)
    else this.#composite.set(keyBytes(key).toString('latin1'), entry)
    return entry
  }

  clear(): void {
    this.#primitive.clear()
    this.#composite.clear()
  }

  *entries(): Iterable<KeyEntry<V>> {
    yield* this.#primitive.values()
    yield* this.#composite.values()
  }
}

function isPrimitive(key: unknown): boolean {
  const type = typeof key
  return type === 'string' || type === 'boolean' || type === 'bigint' || (type === 'number' && !Number.isNaN(key))
}
