import { FAN_OUT, MAX_LEVEL, partitionAt } from './memory/hash-level.ts'
import { KeyMap } from './memory/key-map.ts'
import { sizeOf } from './memory/size-of.ts'
import { SpillFile } from './memory/spill-file.ts'
import type { MemoryShare } from './memory/task-memory.ts'
import { type PairedSide, SortedPairs } from './sorted-pairs.ts'

export interface JoinSide extends PairedSide {
  /** Whether records without a partner are given too. */
  readonly keeps: boolean
}

export interface HashJoinOptions {
  /** The side that is held, the smaller one if possible. */
  readonly build: JoinSide
  readonly probe: JoinSide
  /** Makes the result; a side without partner is undefined. */
  readonly pair: (build: unknown, probe: unknown) => unknown
}

interface Rows {
  readonly values: unknown[]
  isMatched: boolean
}

const KEY_BYTES = 120
const NOTHING: readonly unknown[] = []
const NO_PARTNER: readonly unknown[] = [undefined]

/** A sixteenth of the keys: in memory, or on disk together with what probes it. */
interface Partition {
  rows: KeyMap<Rows>
  bytes: number
  /** Records of the build side. */
  count: number
  build: SpillFile<unknown> | null
  probe: SpillFile<unknown> | null
}

/**
 * Hybrid hash join: first all of one side (`addBuild`), then each record of the other (`probe`). When the table does not fit, its
 * largest partitions go to disk, and so do the records that probe these; the others stay, and are joined at once. What is on disk is
 * then joined pair by pair the same way, with another hash. Where hashing does not help, since few keys have very many records,
 * a pair is sorted and merged.
 *
 * Source: L. Shapiro, Join Processing in Database Systems with Large Main Memories, TODS 1986.
 */
export class HashJoin {
  readonly #options: HashJoinOptions
  readonly #share: MemoryShare
  readonly #level: number
  readonly #partitions: Partition[]
  #bytes = 0

  constructor(options: HashJoinOptions, share: MemoryShare, level = 0) {
    this.#options = options
    this.#share = share
    this.#level = level
    // Until it does not fit there is one, and no hash to compute.
    this.#partitions = [emptyPartition()]
  }

  addBuild(value: unknown): void {
    const key = this.#options.build.key(value)
    const partition = this.#partitionOf(key)
    if (partition.build !== null) {
      partition.build.append(value)
      return
    }
    this.#insert(partition, key, value)
    while (this.#share.isOver && this.#spillLargest()) {}
  }

  /**
   * The records that a record goes together with: undefined alone when it is given without a partner, none when it is not or when its
   * partition is on disk and its turn comes later.
   */
  probe(value: unknown): readonly unknown[] {
    const { probe } = this.#options
    const key = probe.key(value)
    const partition = this.#partitionOf(key)
    if (partition.probe !== null) {
      partition.probe.append(value)
      return NOTHING
    }
    const rows = partition.rows.get(key)?.value
    if (rows === undefined) return probe.keeps ? NO_PARTNER : NOTHING
    rows.isMatched = true
    return rows.values
  }

  /** What was left for later, and records of the build side without a partner. */
  *rest(): Generator<unknown> {
    const { build, pair } = this.#options
    for (const { rows } of this.#partitions) {
      if (!build.keeps) break
      for (const { value } of rows.entries()) {
        if (value.isMatched) continue
        for (const row of value.values) yield pair(row, undefined)
      }
    }
    this.#release()
    for (const partition of this.#partitions) {
      if (partition.build === null || partition.probe === null) continue
      yield* this.#pairOf(partition.build, partition.probe)
      partition.build.close()
      partition.probe.close()
    }
  }

  close(): void {
    this.#release()
    for (const { build, probe } of this.#partitions) {
      build?.close()
      probe?.close()
    }
  }

  *#pairOf(builds: SpillFile<unknown>, probes: SpillFile<unknown>): Generator<unknown> {
    if (this.#level + 1 >= MAX_LEVEL) {
      yield* this.#sorted(builds, probes)
      return
    }
    const join = new HashJoin(this.#options, this.#share, this.#level + 1)
    try {
      for (const cursor = builds.read(2); cursor.next(); ) join.addBuild(cursor.value)
      for (const cursor = probes.read(2); cursor.next(); ) {
        const probe = cursor.value
        for (const row of join.probe(probe)) yield this.#options.pair(row, probe)
      }
      yield* join.rest()
    } finally {
      join.close()
    }
  }

  *#sorted(builds: SpillFile<unknown>, probes: SpillFile<unknown>): Generator<unknown> {
    const { build, probe, pair } = this.#options
    const pairs = new SortedPairs(build, probe, this.#share)
    try {
      for (const cursor = builds.read(2); cursor.next(); ) pairs.left.add(cursor.value)
      for (const cursor = probes.read(2); cursor.next(); ) pairs.right.add(cursor.value)
      yield* pairs.joined(build.keeps, probe.keeps, pair)
    } finally {
      pairs.close()
    }
  }

  #partitionOf(key: unknown): Partition {
    const at = this.#partitions.length === 1 ? 0 : partitionAt(this.#level, key)
    return this.#partitions[at] as Partition
  }

  #insert(partition: Partition, key: unknown, value: unknown): void {
    const entry = partition.rows.get(key)
    let size = sizeOf(value) + 8
    if (entry === undefined) {
      size += KEY_BYTES + sizeOf(key)
      partition.rows.add(key, { values: [value], isMatched: false })
    } else {
      entry.value.values.push(value)
    }
    partition.bytes += size
    partition.count++
    this.#bytes += size
    this.#share.take(size)
  }

  /** False when nothing is in memory any more. */
  #spillLargest(): boolean {
    if (this.#partitions.length === 1) this.#split()
    let largest: Partition | null = null
    for (const partition of this.#partitions) {
      if (partition.bytes > (largest?.bytes ?? 0)) largest = partition
    }
    if (largest === null) return false
    const { build, probe } = this.#options
    largest.build = new SpillFile(build.serde, this.#share)
    largest.probe = new SpillFile(probe.serde, this.#share)
    for (const { value } of largest.rows.entries()) for (const row of value.values) largest.build.append(row)
    largest.rows = new KeyMap()
    this.#bytes -= largest.bytes
    this.#share.release(largest.bytes)
    largest.bytes = 0
    return true
  }

  #split(): void {
    const whole = this.#partitions.pop() as Partition
    for (let at = 0; at < FAN_OUT; at++) this.#partitions.push(emptyPartition())
    for (const { key, value } of whole.rows.entries()) {
      const partition = this.#partitions[partitionAt(this.#level, key)] as Partition
      partition.rows.add(key, value)
      partition.count += value.values.length
      // Near enough for the choice of the largest; the sum stays what it was.
      partition.bytes += (whole.bytes * value.values.length) / whole.count
    }
  }

  #release(): void {
    this.#share.release(this.#bytes)
    this.#bytes = 0
    for (const partition of this.#partitions) {
      partition.rows = new KeyMap()
      partition.bytes = 0
    }
  }
}

function emptyPartition(): Partition {
  return { rows: new KeyMap(), bytes: 0, count: 0, build: null, probe: null }
}
