import type { Serde } from '../../../serde/serde.ts'
import { compareValues } from './compare-values.ts'
import { type ChunkPool, EncodedRows } from './encoded-rows.ts'
import { FAN_OUT } from './hash-level.ts'
import { sizeOf } from './size-of.ts'
import type { SpillFile } from './spill-file.ts'

/** No row, or none any more. */
export const NONE = -1
/** A hash, the next row, a position, a flag, and a place or two among the heads. */
const BOOKKEEPING_BYTES = 4 + 4 + 8 + 1 + 7
const FIRST_ROWS = 64
const PARTITION_BITS = Math.log2(FAN_OUT)

/**
 * Rows by the hash of their key, in chains: as objects, or, where they are many, as bytes with typed arrays beside them, which take a
 * fraction of that and none of the garbage collector's time.
 */
export class JoinTable {
  /** The row that was found last. */
  value: unknown
  readonly #key: (value: unknown) => unknown
  /** One of the two is there. */
  readonly #rows: EncodedRows<unknown> | null
  #objects: unknown[]
  #length = 0
  #heads = new Int32Array(FIRST_ROWS).fill(NONE)
  #hashes = new Int32Array(FIRST_ROWS)
  #next = new Int32Array(FIRST_ROWS)
  #positions: Float64Array
  #matched: Uint8Array

  /** Without a pool rows are held as objects. */
  constructor(key: (value: unknown) => unknown, serde: Serde<unknown>, pool: ChunkPool | null) {
    this.#key = key
    this.#rows = pool === null ? null : new EncodedRows(serde, pool)
    this.#objects = []
    this.#positions = new Float64Array(pool === null ? 0 : FIRST_ROWS)
    this.#matched = new Uint8Array(FIRST_ROWS)
  }

  get length(): number {
    return this.#length
  }

  /** Adds a row; returns how many bytes it takes. */
  add(hash: number, value: unknown): number {
    if (this.#length === this.#hashes.length) this.#grow()
    const at = this.#length++
    const head = this.#headOf(hash)
    this.#hashes[at] = hash
    this.#next[at] = this.#heads[head] as number
    this.#heads[head] = at
    if (this.#rows === null) {
      this.#objects.push(value)
      return sizeOf(value) + BOOKKEEPING_BYTES
    }
    const position = this.#rows.append(value)
    this.#positions[at] = position
    return this.#rows.sizeAt(position) + BOOKKEEPING_BYTES
  }

  /** The first row of a key, or `NONE`; `value` is that row then. */
  first(hash: number, key: unknown): number {
    return this.#find(this.#heads[this.#headOf(hash)] as number, hash, key)
  }

  /** The row of the same key that comes behind one. */
  after(at: number, key: unknown): number {
    return this.#find(this.#next[at] as number, this.#hashes[at] as number, key)
  }

  hashOf(at: number): number {
    return this.#hashes[at] as number
  }

  row(at: number): unknown {
    return this.#rows === null ? this.#objects[at] : this.#rows.decode(this.#positions[at] as number)
  }

  /** Rows that were never found. */
  *unmatched(): Generator<unknown> {
    for (let at = 0; at < this.#length; at++) if (this.#matched[at] === 0) yield this.row(at)
  }

  /** Appends all rows to a file of the same format. */
  writeTo(file: SpillFile<unknown>): void {
    for (let at = 0; at < this.#length; at++) {
      if (this.#rows === null) file.append(this.#objects[at])
      else this.#rows.copy(this.#positions[at] as number, file)
    }
  }

  clear(): void {
    this.#rows?.clear()
    this.value = undefined
    this.#length = 0
    this.#objects = []
    this.#heads = new Int32Array(FIRST_ROWS).fill(NONE)
    this.#hashes = new Int32Array(FIRST_ROWS)
    this.#next = new Int32Array(FIRST_ROWS)
    this.#positions = new Float64Array(this.#rows === null ? 0 : FIRST_ROWS)
    this.#matched = new Uint8Array(FIRST_ROWS)
  }

  #find(from: number, hash: number, key: unknown): number {
    for (let at = from; at !== NONE; at = this.#next[at] as number) {
      if (this.#hashes[at] !== hash) continue
      const value = this.row(at)
      if (compareValues(this.#key(value), key) !== 0) continue
      this.#matched[at] = 1
      this.value = value
      return at
    }
    return NONE
  }

  /** The lowest bits have chosen the partition. */
  #headOf(hash: number): number {
    return (hash >>> PARTITION_BITS) & (this.#heads.length - 1)
  }

  #grow(): void {
    const size = this.#length * 2
    const hashes = new Int32Array(size)
    hashes.set(this.#hashes)
    this.#hashes = hashes
    const matched = new Uint8Array(size)
    matched.set(this.#matched)
    this.#matched = matched
    if (this.#rows !== null) {
      const positions = new Float64Array(size)
      positions.set(this.#positions)
      this.#positions = positions
    }
    this.#next = new Int32Array(size)
    this.#heads = new Int32Array(size).fill(NONE)
    for (let at = 0; at < this.#length; at++) {
      const head = this.#headOf(hashes[at] as number)
      this.#next[at] = this.#heads[head] as number
      this.#heads[head] = at
    }
  }
}
