import type { Serde } from '../../serde/serde.ts'
import type { Fold } from './fold.ts'
import { KeyedPartial, keyedPartialSerde } from './keyed-partial.ts'
import { FAN_OUT, MAX_LEVEL, partitionAt } from './memory/hash-level.ts'
import { type KeyEntry, KeyMap } from './memory/key-map.ts'
import { sizeOf } from './memory/size-of.ts'
import { SpillFile } from './memory/spill-file.ts'
import type { MemoryShare } from './memory/task-memory.ts'

const ENTRY_BYTES = 96

interface Held {
  accumulator: unknown
  size: number
  /** Values in it, to know when to measure it again. */
  added: number
}

/**
 * Hash grouping: one accumulator for each key. When the table is full, its accumulators are written to partitions by another hash and
 * the table begins anew; each partition is then grouped the same way, by yet another hash when it does not fit either.
 *
 * An accumulator that grows is measured when the number of its values has doubled.
 */
export class FoldTable {
  readonly #fold: Fold
  readonly #share: MemoryShare
  readonly #serde: Serde<KeyedPartial>
  readonly #level: number | null
  readonly #map = new KeyMap<Held>()
  #partitions: SpillFile<KeyedPartial>[] | null = null
  #bytes = 0

  /** Without a level it never spills: whoever fills it drains it. */
  constructor(fold: Fold, share: MemoryShare, level: number | null = 0) {
    this.#fold = fold
    this.#share = share
    this.#level = level
    this.#serde = keyedPartialSerde(fold.serde)
  }

  get size(): number {
    return this.#map.size
  }

  add(key: unknown, value: unknown): void {
    const entry = this.#map.get(key)
    if (entry === undefined) this.#insert(key, this.#fold.first(value))
    else this.#update(entry, this.#fold.add(entry.value.accumulator, value))
  }

  merge(key: unknown, accumulator: unknown): void {
    const entry = this.#map.get(key)
    if (entry === undefined) this.#insert(key, accumulator)
    else this.#update(entry, this.#fold.merge(entry.value.accumulator, accumulator))
  }

  /** Keys and accumulators of all groups, in no particular order; to be called once. */
  *groups(): Generator<KeyedPartial> {
    if (this.#partitions === null) {
      yield* this.#held()
      this.clear()
      return
    }
    this.#spill(this.#level ?? 0)
    for (const partition of this.#partitions) {
      const table = new FoldTable(this.#fold, this.#share, (this.#level ?? 0) + 1)
      try {
        for (const cursor = partition.read(); cursor.next(); ) {
          table.merge(cursor.value.key, cursor.value.accumulator)
        }
        partition.close()
        yield* table.groups()
      } finally {
        table.close()
      }
    }
  }

  /** What is in memory, then nothing is: for tables that hand on what does not fit instead of writing it. */
  *drain(): Generator<KeyedPartial> {
    yield* this.#held()
    this.clear()
  }

  clear(): void {
    this.#map.clear()
    this.#share.release(this.#bytes)
    this.#bytes = 0
  }

  close(): void {
    this.clear()
    for (const partition of this.#partitions ?? []) partition.close()
  }

  *#held(): Generator<KeyedPartial> {
    for (const { key, value } of this.#map.entries()) yield new KeyedPartial(key, value.accumulator)
  }

  #insert(key: unknown, accumulator: unknown): void {
    const size = ENTRY_BYTES + sizeOf(key) + sizeOf(accumulator)
    this.#map.add(key, { accumulator, size, added: 1 })
    this.#grow(size)
  }

  #update({ key, value: held }: KeyEntry<Held>, accumulator: unknown): void {
    held.accumulator = accumulator
    held.added++
    if (typeof accumulator === 'number' || (held.added & (held.added - 1)) !== 0) return
    const size = ENTRY_BYTES + sizeOf(key) + sizeOf(accumulator)
    const grown = size - held.size
    held.size = size
    this.#grow(grown)
  }

  #grow(bytes: number): void {
    this.#bytes += bytes
    this.#share.take(bytes)
    if (this.#level !== null && this.#level < MAX_LEVEL && this.#share.isOver) this.#spill(this.#level)
  }

  #spill(level: number): void {
    this.#partitions ??= Array.from({ length: FAN_OUT }, () => new SpillFile(this.#serde, this.#share))
    for (const partial of this.#held()) this.#partitions[partitionAt(level, partial.key)]?.append(partial)
    this.clear()
  }
}
