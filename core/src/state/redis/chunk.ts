import { ByteWriter } from '../../serde/byte-writer.ts'
import type { StateChange } from '../backend.ts'
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
  readonly changes: StateChange[]
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

export function encodeChanges(changes: readonly StateChange[]): EncodedChanges {
  const writer = new ChunkWriter()
  const groups = new Set<string>()
  for (const pair of pairsOf(changes)) {
    for (const change of pair.changes) writer.write(pair, change)
    if (pair.putsValues) groups.add(`v${pair.name}`)
    if (pair.putsEntries) groups.add(`m${pair.name}`)
  }
  return { chunks: writer.finish(), groups }
}

function pairsOf(changes: readonly StateChange[]): Pair[] {
  const pairs: Pair[] = []
  const byState = new Map<string, Map<number, Pair>>()
  for (const change of changes) {
    let ofState = byState.get(change.state)
    if (ofState === undefined) {
      ofState = new Map()
      byState.set(change.state, ofState)
    }
    let pair = ofState.get(change.keyGroup)
    if (pair === undefined) {
      const name = pairOf(change.state, change.keyGroup)
      pair = { name, bytes: Buffer.from(name), changes: [], putsValues: false, putsEntries: false }
      ofState.set(change.keyGroup, pair)
      pairs.push(pair)
    }
    pair.changes.push(change)
    if (change.value === null) continue
    if (change.sub === null) pair.putsValues = true
    else pair.putsEntries = true
  }
  return pairs
}

class ChunkWriter {
  readonly #out = new ByteWriter(64 * 1024)
  readonly #chunks: Buffer[] = []
  #changes = 0
  #runs = 0
  /** The open run: where its array header lies, how many elements it has, and to what it belongs. */
  #runStart = -1
  #runLength = 0
  #runPair: Pair | null = null
  #runKind = ''
  #runKey: Uint8Array | null = null

  constructor() {
    this.#begin()
  }

  write(pair: Pair, change: StateChange): void {
    const { key, sub, value } = change
    if (sub === null) {
      this.#enter(pair, value === null ? 'x' : 'v', null)
      this.#bytes(key)
    } else {
      this.#enter(pair, value === null ? 'd' : 'm', key)
      this.#bytes(sub)
    }
    if (value !== null) this.#bytes(value)
    this.#changes++
    if (this.#changes >= MAX_CHANGES || this.#out.position >= MAX_BYTES) this.#end()
  }

  finish(): Buffer[] {
    if (this.#changes > 0 || this.#chunks.length === 0) this.#end()
    return this.#chunks
  }

  #begin(): void {
    this.#out.position = 0
    this.#out.reserve(HEADER_BYTES)
    this.#out.position = HEADER_BYTES
    this.#changes = 0
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

  /** Goes on with the open run when the change fits it, else begins another. */
  #enter(pair: Pair, kind: string, key: Uint8Array | null): void {
    const fits =
      this.#runPair === pair && this.#runKind === kind && (key === null || Buffer.compare(key, this.#runKey!) === 0)
    if (fits) return
    this.#endRun()
    this.#runStart = this.#out.reserve(HEADER_BYTES)
    this.#out.position = this.#runStart + HEADER_BYTES
    this.#runLength = 0
    this.#runPair = pair
    this.#runKind = kind
    this.#runKey = key
    this.#runs++
    this.#bytes(Buffer.from(kind))
    this.#bytes(pair.bytes)
    if (key !== null) this.#bytes(key)
  }

  #endRun(): void {
    if (this.#runStart >= 0) this.#arrayHeader(this.#runStart, this.#runLength)
  }

  #arrayHeader(at: number, length: number): void {
    this.#out.buffer[at] = ARRAY32
    this.#out.buffer.writeUInt32BE(length, at + 1)
  }

  /** A MessagePack string, which is bytes to Lua. */
  #bytes(bytes: Uint8Array): void {
    const { length } = bytes
    const at = this.#out.reserve(HEADER_BYTES)
    const buffer = this.#out.buffer
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
    this.#out.writeBytes(bytes)
    this.#runLength++
  }
}
