import { pack, unpack } from 'msgpackr'
import { StreamError } from '../../errors.ts'
import { ByteWriter } from '../../serde/byte-writer.ts'
import { keyBytes } from '../../serde/key-codec.ts'
import type { Serde } from '../../serde/serde.ts'
import type { StateEntry, StateKey } from '../../state/backend.ts'
import { taskOfKeyGroup } from '../../state/key-group.ts'
import type { StateChanges } from '../../state/state-changes.ts'

export interface FeedbackQueueOptions {
  /** `<uid>/<name>`. */
  readonly state: string
  readonly serde: Serde<unknown>
  readonly index: number
  readonly parallelism: number
  readonly maxParallelism: number
}

/** Records that are stored together: where they come among the others, their times, and where in the bytes each one ends. */
type StoredBlock = readonly [
  sequence: number,
  index: number,
  timestamps: readonly number[],
  ends: readonly number[],
  bytes: Uint8Array,
]

/** A block as long as records of it are there. */
interface Block {
  readonly address: StateKey
  /** Records of it that are left, and those that are taken. */
  left: number
  taken: number
  /** How many were taken when that was last written. */
  writtenTaken: number
}

/** Records in memory that lie together. All but the last are full. */
interface Chunk {
  readonly values: unknown[]
  readonly timestamps: number[]
}

const BLOCK_RECORDS = 512
/** Powers of two: 2 ** CHUNK_BITS records in one. */
const CHUNK_BITS = 9
const CHUNK_RECORDS = 1 << CHUNK_BITS
const CHUNK_MASK = CHUNK_RECORDS - 1
/** Of a list that is taken from the front: so many at least, and more than half of it, before it is copied without them. */
const MIN_TAKEN = 8
/** Sub keys of a block: its records, and how many of them are taken. */
const RECORDS = Buffer.from('r')
const TAKEN = Buffer.from('t')

/**
 * Records in order, kept in the state backend in blocks: an epoch writes those that came and are still here, and deletes blocks
 * that are gone, so it costs as much as has moved, however many there are.
 */
export class FeedbackQueue {
  readonly #options: FeedbackQueueOptions
  readonly #keyGroup: number
  readonly #writer = new ByteWriter()
  #chunks: Chunk[] = []
  /** Where the front and the end are, counted from the first record of the first chunk. */
  #head = 0
  #end = 0
  /** What is stored, from the front on. */
  #blocks: Block[] = []
  #firstBlock = 0
  /** Records from the front that are stored. */
  #stored = 0
  #sequence = 0
  #deleted: StateKey[] = []
  #restored: { readonly address: StateKey; readonly block: StoredBlock }[] = []
  #restoredTaken = new Map<string, number>()

  constructor(options: FeedbackQueueOptions) {
    this.#options = options
    const { index, parallelism, maxParallelism } = options
    let group = 0
    while (taskOfKeyGroup(group, maxParallelism, parallelism) < index) group++
    this.#keyGroup = group
  }

  get size(): number {
    return this.#end - this.#head
  }

  push(value: unknown, timestamp: number): void {
    if ((this.#end & CHUNK_MASK) === 0) this.#chunks.push({ values: [], timestamps: [] })
    const { values, timestamps } = this.#chunks[this.#end >> CHUNK_BITS] as Chunk
    values.push(value)
    timestamps.push(timestamp)
    this.#end++
  }

  /** Takes `records` from the front, or as many as there are. */
  drain(records: number, take: (value: unknown, timestamp: number) => void): number {
    const end = Math.min(this.#head + records, this.#end)
    const drained = end - this.#head
    this.#takeStored(Math.min(drained, this.#stored))
    // What it is given meanwhile goes to the end and is not of these.
    while (this.#head < end) {
      const { values, timestamps } = this.#chunks[this.#head >> CHUNK_BITS] as Chunk
      const at = this.#head++ & CHUNK_MASK
      const value = values[at]
      values[at] = undefined
      take(value, timestamps[at] as number)
    }
    this.#dropTaken()
    return drained
  }

  /** Lets one record after the other be looked at, from a position on; they stay. */
  visit(from: number, records: number, see: (value: unknown, timestamp: number) => void): number {
    return this.#each(this.#head + from, Math.min(this.#head + from + records, this.#end), see)
  }

  clear(): void {
    this.drain(this.size, () => {})
  }

  /** Writes what has changed since the last call. */
  collect(changes: StateChanges): void {
    const { state } = this.#options
    for (const { keyGroup, key } of this.#deleted) changes.add({ state, keyGroup, key, sub: null, value: null })
    this.#deleted = []
    // Records are taken from the front, so no other block has lost some and not all of them.
    const first = this.#blocks[this.#firstBlock]
    if (first !== undefined && first.taken > first.writtenTaken) {
      first.writtenTaken = first.taken
      changes.add({ state, ...first.address, sub: TAKEN, value: pack(first.taken) })
    }
    for (let at = this.#head + this.#stored; at < this.#end; at += BLOCK_RECORDS) {
      const end = Math.min(at + BLOCK_RECORDS, this.#end)
      const sequence = this.#sequence++
      const address = { keyGroup: this.#keyGroup, key: keyBytes([this.#options.index, sequence]) }
      changes.add({ state, ...address, sub: RECORDS, value: this.#encoded(sequence, at, end) })
      this.#blocks.push({ address, left: end - at, taken: 0, writtenTaken: 0 })
    }
    this.#stored = this.size
  }

  /** To be called for each stored entry, in any order; then `open`. */
  restore({ keyGroup, key, sub, value }: StateEntry): void {
    if (sub !== null && Buffer.compare(sub, TAKEN) === 0) this.#restoredTaken.set(hex(key), unpack(value) as number)
    else this.#restored.push({ address: { keyGroup, key }, block: unpack(value) as StoredBlock })
  }

  open(): void {
    const restored = this.#restored.sort((a, b) => a.block[0] - b.block[0] || a.block[1] - b.block[1])
    for (const { address, block } of restored) {
      const [sequence, , timestamps, ends, bytes] = block
      const taken = this.#restoredTaken.get(hex(address.key)) ?? 0
      for (let at = taken; at < ends.length; at++) {
        this.push(this.#decoded(bytes, ends[at - 1] ?? 0, ends[at] as number), timestamps[at] as number)
      }
      this.#blocks.push({ address, left: ends.length - taken, taken, writtenTaken: taken })
      this.#sequence = sequence + 1
    }
    this.#stored = this.size
    this.#restored = []
    this.#restoredTaken = new Map()
  }

  /** Gives back chunks that are empty. */
  #dropTaken(): void {
    if (this.#head === this.#end) {
      this.#chunks = []
      this.#head = 0
      this.#end = 0
      return
    }
    const taken = this.#head >> CHUNK_BITS
    if (taken < MIN_TAKEN || taken * 2 <= this.#chunks.length) return
    this.#chunks = this.#chunks.slice(taken)
    this.#head -= taken << CHUNK_BITS
    this.#end -= taken << CHUNK_BITS
  }

  #each(from: number, to: number, see: (value: unknown, timestamp: number) => void): number {
    for (let at = from; at < to; at++) {
      const { values, timestamps } = this.#chunks[at >> CHUNK_BITS] as Chunk
      see(values[at & CHUNK_MASK], timestamps[at & CHUNK_MASK] as number)
    }
    return Math.max(0, to - from)
  }

  #takeStored(records: number): void {
    this.#stored -= records
    for (let left = records; left > 0; ) {
      const block = this.#blocks[this.#firstBlock] as Block
      const taken = Math.min(left, block.left)
      left -= taken
      block.left -= taken
      block.taken += taken
      if (block.left > 0) break
      this.#deleted.push(block.address)
      this.#firstBlock++
    }
    if (this.#firstBlock >= MIN_TAKEN && this.#firstBlock * 2 > this.#blocks.length) {
      this.#blocks = this.#blocks.slice(this.#firstBlock)
      this.#firstBlock = 0
    }
  }

  #encoded(sequence: number, start: number, end: number): Uint8Array {
    const { serde, state, index } = this.#options
    const writer = this.#writer
    writer.position = 0
    const ends: number[] = []
    const timestamps: number[] = []
    try {
      this.#each(start, end, (value, timestamp) => {
        serde.encode(value, writer)
        ends.push(writer.position)
        timestamps.push(timestamp)
      })
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause)
      throw new StreamError('ENCODE_FAILED', `A record in ${state} cannot be written as ${serde.format}: ${text}`, {
        cause,
      })
    }
    const bytes = writer.buffer.subarray(0, writer.position)
    return pack([sequence, index, timestamps, ends, bytes] satisfies StoredBlock)
  }

  #decoded(stored: Uint8Array, start: number, end: number): unknown {
    const { serde, state } = this.#options
    const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.length)
    try {
      return serde.decode(bytes, start, end)
    } catch (cause) {
      throw new StreamError('STATE_CORRUPT', `A record in ${state} cannot be read as ${serde.format}.`, { cause })
    }
  }
}

function hex(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('hex')
}
