import { pack, unpack } from 'msgpackr'
import { StreamError } from '../../errors.ts'
import { keyBytes } from '../../serde/key-codec.ts'
import type { Serde } from '../../serde/serde.ts'
import type { StateChange, StateEntry, StateKey } from '../../state/backend.ts'
import { keyGroupOf, taskOfKeyGroup } from '../../state/key-group.ts'
import { encodeValue } from '../../state/keyed/encode-value.ts'

export interface FeedbackQueueOptions {
  /** `<uid>/<name>`. */
  readonly state: string
  readonly serde: Serde<unknown>
  readonly index: number
  readonly parallelism: number
  readonly maxParallelism: number
  /** Decides which task gets a record at another parallelism; null when it does not matter. */
  readonly key: ((value: unknown) => unknown) | null
}

/** An entry as stored: where the record comes among the others, its time, its bytes. */
type Stored = readonly [sequence: number, index: number, timestamp: number, bytes: Uint8Array]

/** Records taken from the front at most before the room they had is given back. */
const MAX_TAKEN = 10_000

/**
 * Records in order, kept in the state backend one by one: an epoch writes those that came and are still here, and deletes
 * those that are gone, so it costs as much as has moved, however many there are.
 */
export class FeedbackQueue {
  readonly #options: FeedbackQueueOptions
  readonly #ownGroup: number
  #values: unknown[] = []
  #timestamps: number[] = []
  /** Where a record is stored; undefined for what came in this epoch. */
  #addresses: (StateKey | undefined)[] = []
  #head = 0
  /** How many from the front are stored. */
  #storedEnd = 0
  #sequence = 0
  #deleted: StateKey[] = []
  #restored: Stored[] = []

  constructor(options: FeedbackQueueOptions) {
    this.#options = options
    const { index, parallelism, maxParallelism } = options
    let group = 0
    while (taskOfKeyGroup(group, maxParallelism, parallelism) < index) group++
    this.#ownGroup = group
  }

  get size(): number {
    return this.#values.length - this.#head
  }

  push(value: unknown, timestamp: number): void {
    this.#values.push(value)
    this.#timestamps.push(timestamp)
    this.#addresses.push(undefined)
  }

  /** Takes `records` from the front, or as many as there are. */
  drain(records: number, take: (value: unknown, timestamp: number) => void): number {
    const end = Math.min(this.#head + records, this.#values.length)
    const drained = end - this.#head
    // What it is given meanwhile goes to the end and is not of these.
    for (; this.#head < end; this.#head++) {
      const address = this.#addresses[this.#head]
      if (address !== undefined) this.#deleted.push(address)
      const value = this.#values[this.#head]
      this.#values[this.#head] = undefined
      take(value, this.#timestamps[this.#head] as number)
    }
    if (this.#head > MAX_TAKEN || this.#head === this.#values.length) this.#compact()
    return drained
  }

  /** Lets one record after the other be looked at, from a position on; they stay. */
  visit(from: number, records: number, see: (value: unknown, timestamp: number) => void): number {
    const start = this.#head + from
    const end = Math.min(start + records, this.#values.length)
    for (let at = start; at < end; at++) see(this.#values[at], this.#timestamps[at] as number)
    return Math.max(0, end - start)
  }

  clear(): void {
    this.drain(this.size, () => {})
  }

  /** Writes what has changed since the last call. */
  collect(changes: StateChange[]): void {
    const { state, index } = this.#options
    for (const { keyGroup, key } of this.#deleted) changes.push({ state, keyGroup, key, sub: null, value: null })
    this.#deleted = []
    for (let at = Math.max(this.#head, this.#storedEnd); at < this.#values.length; at++) {
      const value = this.#values[at]
      const sequence = this.#sequence++
      const address = { keyGroup: this.#groupOf(value), key: keyBytes([index, sequence]) }
      this.#addresses[at] = address
      const stored: Stored = [sequence, index, this.#timestamps[at] as number, this.#encoded(value)]
      changes.push({ state, ...address, sub: null, value: pack(stored) })
    }
    this.#storedEnd = this.#values.length
  }

  /** To be called for each stored entry, in any order; then `open`. */
  restore({ keyGroup, key, value }: StateEntry): void {
    const stored = unpack(value) as Stored
    this.#restored.push(stored)
    this.#addresses.push({ keyGroup, key })
  }

  open(): void {
    const order = this.#restored.map((stored, at) => ({ stored, address: this.#addresses[at] }))
    order.sort((a, b) => a.stored[0] - b.stored[0] || a.stored[1] - b.stored[1])
    this.#restored = []
    this.#addresses = order.map(({ address }) => address)
    this.#values = order.map(({ stored: [, , , bytes] }) => this.#decoded(bytes))
    this.#timestamps = order.map(({ stored }) => stored[2])
    this.#storedEnd = order.length
    this.#sequence = (order.at(-1)?.stored[0] ?? -1) + 1
  }

  #compact(): void {
    this.#values = this.#values.slice(this.#head)
    this.#timestamps = this.#timestamps.slice(this.#head)
    this.#addresses = this.#addresses.slice(this.#head)
    this.#storedEnd = Math.max(0, this.#storedEnd - this.#head)
    this.#head = 0
  }

  #groupOf(value: unknown): number {
    const { key, maxParallelism } = this.#options
    if (key === null) return this.#ownGroup
    const bytes = keyBytes(key(value))
    return keyGroupOf(bytes, 0, bytes.length, maxParallelism)
  }

  #encoded(value: unknown): Uint8Array {
    const { serde, state } = this.#options
    try {
      return encodeValue(value, serde)
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause)
      throw new StreamError('ENCODE_FAILED', `A record in ${state} cannot be written as ${serde.format}: ${text}`, {
        cause,
      })
    }
  }

  #decoded(stored: Uint8Array): unknown {
    const { serde, state } = this.#options
    const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.length)
    try {
      return serde.decode(bytes, 0, bytes.length)
    } catch (cause) {
      throw new StreamError('STATE_CORRUPT', `A record in ${state} cannot be read as ${serde.format}.`, { cause })
    }
  }
}
