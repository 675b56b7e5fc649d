import { ByteWriter } from '../../serde/byte-writer.ts'
import type { StateChangeList } from '../backend.ts'
import { StateChanges } from '../state-changes.ts'
import { pairOf } from './keys.ts'

/*
 * A staged epoch is a list of chunks, small enough that the server applies one in a few milliseconds. A chunk is a
 * MessagePack array of runs, which Lua decodes with cmsgpack. A run is what one command can do:
 *
 *     ['v', pair, key, value, …]           values of single-valued states
 *     ['x', pair, key, …]                  keys to delete with all that they have
 *     ['m', pair, key, sub, value, …]      entries of one key of a map or list state
 *     ['d', pair, key, sub, …]             entries to delete of such a key
 *
 * Changes are grouped by state and key group. Within such a pair they keep their order, and only there could it matter.
 */

/** Keeps a chunk at a few milliseconds of the server's time, and a run within Lua's limit for `unpack`. */
const MAX_CHANGES = 1_000
const MAX_BYTES = 256 * 1024

const ARRAY32 = 0xdd
const HEADER_BYTES = 5

interface Pair {
  readonly name: string
  readonly bytes: Buffer
  readonly first: number
  last: number
  /** Whether something is put into its single-valued state, or into its maps and lists. */
  putsValues: boolean
  putsEntries: boolean
}

export interface EncodedChanges {
  /** Always at least one, so that an epoch without changes is staged like every other. */
  readonly chunks: readonly Buffer[]
  /** The pairs into which the changes put something, with the letter of the kind of entry: the server's group names. */
  readonly groups: ReadonlySet<string>
}

export function encodeChanges(list: StateChangeList): EncodedChanges {
  const changes = StateChanges.from(list)
  const writer = new ChunkWriter(changes)
  const groups = new Set<string>()
  // Which change of the same pair comes after each; negative after the last.
  const next = new Int32Array(changes.length).fill(-1)
  for (const pair of pairsOf(changes, next)) {
    for (let index = pair.first; index >= 0; index = next[index] as number) writer.write(pair, index)
    if (pair.putsValues) groups.add(`v${pair.name}`)
    if (pair.putsEntries) groups.add(`m${pair.name}`)
  }
  return { chunks: writer.finish(), groups }
}

function pairsOf(changes: StateChanges, next: Int32Array): Pair[] {
  const pairs: Pair[] = []
  const byState = changes.names.map(() => new Map<number, Pair>())
  for (let index = 0; index < changes.length; index++) {
    const ofState = byState[changes.stateOf(index)] as Map<number, Pair>
    const keyGroup = changes.keyGroupOf(index)
    let pair = ofState.get(keyGroup)
    if (pair === undefined) {
      const name = pairOf(changes.names[changes.stateOf(index)] as string, keyGroup)
      pair = { name, bytes: Buffer.from(name), first: index, last: index, putsValues: false, putsEntries: false }
      ofState.set(keyGroup, pair)
      pairs.push(pair)
    } else {
      next[pair.last] = index
      pair.last = index
    }
    if (changes.valueStart(index) < 0) continue
    if (changes.subStart(index) < 0) pair.putsValues = true
    else pair.putsEntries = true
  }
  return pairs
}

/** The letters of the kinds of runs. */
const VALUES = 0x76
const DELETED_KEYS = 0x78
const ENTRIES = 0x6d
const DELETED_ENTRIES = 0x64

/** Shorter ranges are copied byte by byte, which takes less than a call. */
const SHORT = 32

class ChunkWriter {
  readonly #changes: StateChanges
  readonly #out = new ByteWriter(64 * 1024)
  readonly #chunks: Buffer[] = []
  /** Changes in the open chunk. */
  #length = 0
  #runs = 0
  /** The open run: where its array header lies, how many elements it has, and to what it belongs. */
  #runStart = -1
  #runLength = 0
  #runPair: Pair | null = null
  #runKind = 0
  /** A change of the key that it belongs to. */
  #runKeyOf = -1

  constructor(changes: StateChanges) {
    this.#changes = changes
    this.#begin()
  }

  write(pair: Pair, index: number): void {
    const changes = this.#changes
    const isDeleted = changes.valueStart(index) < 0
    if (changes.subStart(index) < 0) {
      this.#enter(pair, isDeleted ? DELETED_KEYS : VALUES, -1)
      this.#range(changes.bytes, changes.keyStart(index), changes.keyEnd(index))
    } else {
      this.#enter(pair, isDeleted ? DELETED_ENTRIES : ENTRIES, index)
      this.#range(changes.bytes, changes.subStart(index), changes.subEnd(index))
    }
    if (!isDeleted) this.#range(changes.bytes, changes.valueStart(index), changes.valueEnd(index))
    this.#length++
    if (this.#length >= MAX_CHANGES || this.#out.position >= MAX_BYTES) this.#end()
  }

  finish(): Buffer[] {
    if (this.#length > 0 || this.#chunks.length === 0) this.#end()
    return this.#chunks
  }

  #begin(): void {
    this.#out.position = 0
    this.#out.reserve(HEADER_BYTES)
    this.#out.position = HEADER_BYTES
    this.#length = 0
    this.#runs = 0
    this.#runStart = -1
    this.#runPair = null
  }

  #end(): void {
    this.#endRun()
    this.#arrayHeader(0, this.#runs)
    this.#chunks.push(this.#out.toBuffer())
    this.#begin()
  }

  /** Goes on with the open run when the change fits it, else begins another. `keyOf`: a change whose key it is of, or -1. */
  #enter(pair: Pair, kind: number, keyOf: number): void {
    if (this.#runPair === pair && this.#runKind === kind && (keyOf < 0 || this.#isSameKey(keyOf, this.#runKeyOf)))
      return
    this.#endRun()
    this.#runStart = this.#out.reserve(HEADER_BYTES)
    this.#out.position = this.#runStart + HEADER_BYTES
    this.#runLength = 0
    this.#runPair = pair
    this.#runKind = kind
    this.#runKeyOf = keyOf
    this.#runs++
    this.#header(1)
    this.#out.writeUint8(kind)
    this.#range(pair.bytes, 0, pair.bytes.length)
    const changes = this.#changes
    if (keyOf >= 0) this.#range(changes.bytes, changes.keyStart(keyOf), changes.keyEnd(keyOf))
  }

  #isSameKey(one: number, other: number): boolean {
    const changes = this.#changes
    const [start, end] = [changes.keyStart(one), changes.keyEnd(one)]
    const [otherStart, otherEnd] = [changes.keyStart(other), changes.keyEnd(other)]
    if (start === otherStart && end === otherEnd) return true
    const { bytes } = changes
    return bytes.compare(bytes, otherStart, otherEnd, start, end) === 0
  }

  #endRun(): void {
    if (this.#runStart >= 0) this.#arrayHeader(this.#runStart, this.#runLength)
  }

  #arrayHeader(at: number, length: number): void {
    this.#out.buffer[at] = ARRAY32
    this.#out.buffer.writeUInt32BE(length, at + 1)
  }

  /** A MessagePack string, which is bytes to Lua. */
  #range(bytes: Buffer, start: number, end: number): void {
    const length = end - start
    this.#header(length)
    const at = this.#out.reserve(length)
    const { buffer } = this.#out
    if (length < SHORT) for (let i = 0; i < length; i++) buffer[at + i] = bytes[start + i] as number
    else bytes.copy(buffer, at, start, end)
    this.#out.position = at + length
  }

  /** Of a string of so many bytes, an element of the open run. */
  #header(length: number): void {
    const at = this.#out.reserve(HEADER_BYTES)
    const { buffer } = this.#out
    if (length < 32) {
      buffer[at] = 0xa0 | length
      this.#out.position = at + 1
    } else if (length < 0x100) {
      buffer[at] = 0xd9
      buffer[at + 1] = length
      this.#out.position = at + 2
    } else if (length < 0x10000) {
      buffer[at] = 0xda
      buffer.writeUInt16BE(length, at + 1)
      this.#out.position = at + 3
    } else {
      buffer[at] = 0xdb
      buffer.writeUInt32BE(length, at + 1)
      this.#out.position = at + HEADER_BYTES
    }
    this.#runLength++
  }
}
