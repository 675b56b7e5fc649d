import type { Serde } from '../../../serde/serde.ts'
import type { Cursor } from './cursor.ts'
import { sizeOf } from './size-of.ts'
import { SpillFile } from './spill-file.ts'
import type { MemoryShare } from './task-memory.ts'

/** Values in the order in which they came, in memory or, when they are too many, on disk. Can be read any number of times, also while it grows. */
export class SpillableList<T> implements Iterable<T> {
  readonly #serde: Serde<T>
  readonly #share: MemoryShare
  #values: T[] = []
  #bytes = 0
  #file: SpillFile<T> | null = null

  constructor(serde: Serde<T>, share: MemoryShare) {
    this.#serde = serde
    this.#share = share
  }

  get length(): number {
    return this.#file === null ? this.#values.length : this.#file.count
  }

  add(value: T): void {
    if (this.#file !== null) {
      this.#file.append(value)
      return
    }
    const size = sizeOf(value) + 8
    this.#values.push(value)
    this.#bytes += size
    this.#share.take(size)
    if (this.#share.isOver) this.#spill()
  }

  clear(): void {
    this.#share.release(this.#bytes)
    this.#bytes = 0
    this.#values = []
    this.#file?.close()
    this.#file = null
  }

  cursor(): Cursor<T> {
    return new ListCursor(this)
  }

  *[Symbol.iterator](): Iterator<T> {
    const cursor = this.cursor()
    while (cursor.next()) yield cursor.value
  }

  /** For its cursors: what is in memory, null when all is on disk. */
  get inMemory(): readonly T[] | null {
    return this.#file === null ? this.#values : null
  }

  readFile(): Cursor<T> {
    return (this.#file as SpillFile<T>).read()
  }

  #spill(): void {
    const file = new SpillFile(this.#serde, this.#share)
    for (const value of this.#values) file.append(value)
    this.#share.release(this.#bytes)
    this.#bytes = 0
    this.#values = []
    this.#file = file
  }
}

class ListCursor<T> implements Cursor<T> {
  value!: T
  readonly #list: SpillableList<T>
  #at = 0
  #file: Cursor<T> | null = null

  constructor(list: SpillableList<T>) {
    this.#list = list
  }

  next(): boolean {
    const values = this.#list.inMemory
    if (values !== null) {
      if (this.#at >= values.length) return false
      this.value = values[this.#at++] as T
      return true
    }
    if (this.#file === null) {
      this.#file = this.#list.readFile()
      // It was spilled while it was read: those that were read from memory come first.
      for (let passed = 0; passed < this.#at; passed++) this.#file.next()
    }
    if (!this.#file.next()) return false
    this.value = this.#file.value
    return true
  }
}
