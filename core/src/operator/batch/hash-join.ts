import { rowSerde } from '../../serde/msgpack.ts'
import { ChunkPool } from './memory/encoded-rows.ts'
import { FAN_OUT, hashAt, MAX_LEVEL, partitionOf } from './memory/hash-level.ts'
import { JoinTable, NONE } from './memory/join-table.ts'
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

/** The record is given without a partner. */
const ALONE = -2
/** Up to this part of the memory rows are held as objects, which is faster; beyond it as bytes. */
const OBJECTS = 1 / 8

/** A sixteenth of the keys: in memory, or on disk together with what probes it. */
interface Partition {
  readonly table: JoinTable
  bytes: number
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
  /** Those of joins within this one use its memory again. */
  #pool: ChunkPool | null
  /** Until there are many rows there is one. */
  #partitions: Partition[]
  #bytes = 0
  /** Of the record that probes, while its partners are gone through. */
  #key: unknown
  #table: JoinTable
  #at = NONE

  constructor(options: HashJoinOptions, share: MemoryShare, level = 0, pool: ChunkPool | null = null) {
    const { build, probe } = options
    this.#options = {
      ...options,
      build: { ...build, serde: rowSerde(build.serde) },
      probe: { ...probe, serde: rowSerde(probe.serde) },
    }
    this.#share = share
    this.#level = level
    this.#pool = pool
    this.#partitions = [this.#emptyPartition(null)]
    this.#table = (this.#partitions[0] as Partition).table
  }

  addBuild(value: unknown): void {
    const hash = hashAt(this.#level, this.#options.build.key(value))
    const partition = this.#partitionOf(hash)
    if (partition.build !== null) {
      partition.build.append(value)
      return
    }
    this.#take(partition, partition.table.add(hash, value))
    if (this.#partitions.length === 1 && this.#bytes > this.#share.limit * OBJECTS) this.#split()
    while (this.#share.isOver && this.#spillLargest()) {}
  }

  /**
   * Whether there is something that the record goes together with: `partner` is the first of that, and `next` moves on. False when the
   * record is not given, or its partition is on disk and its turn comes later.
   */
  probe(value: unknown): boolean {
    const { probe } = this.#options
    const key = probe.key(value)
    const hash = hashAt(this.#level, key)
    const partition = this.#partitionOf(hash)
    if (partition.probe !== null) {
      partition.probe.append(value)
      return false
    }
    this.#key = key
    this.#table = partition.table
    this.#at = partition.table.first(hash, key)
    if (this.#at === NONE && probe.keeps) this.#at = ALONE
    return this.#at !== NONE
  }

  /** Undefined when the record is given without one. */
  get partner(): unknown {
    return this.#at === ALONE ? undefined : this.#table.value
  }

  next(): boolean {
    this.#at = this.#at < 0 ? NONE : this.#table.after(this.#at, this.#key)
    return this.#at !== NONE
  }

  /** All results of one record. */
  *joined(value: unknown): Generator<unknown> {
    const { pair } = this.#options
    for (let isThere = this.probe(value); isThere; isThere = this.next()) yield pair(this.partner, value)
  }

  /** What was left for later, and records of the build side without a partner. */
  *rest(): Generator<unknown> {
    const { build, pair } = this.#options
    for (const { table } of this.#partitions) {
      if (!build.keeps) break
      for (const row of table.unmatched()) yield pair(row, undefined)
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
    this.#partitions = []
    this.#pool = null
  }

  *#pairOf(builds: SpillFile<unknown>, probes: SpillFile<unknown>): Generator<unknown> {
    if (this.#level + 1 >= MAX_LEVEL) {
      yield* this.#sorted(builds, probes)
      return
    }
    const join = new HashJoin(this.#options, this.#share, this.#level + 1, this.#pool)
    try {
      for (const cursor = builds.read(2); cursor.next(); ) join.addBuild(cursor.value)
      for (const cursor = probes.read(2); cursor.next(); ) {
        const probe = cursor.value
        for (let isThere = join.probe(probe); isThere; isThere = join.next()) {
          yield this.#options.pair(join.partner, probe)
        }
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

  #partitionOf(hash: number): Partition {
    const at = this.#partitions.length === 1 ? 0 : partitionOf(hash)
    return this.#partitions[at] as Partition
  }

  #take(partition: Partition, bytes: number): void {
    partition.bytes += bytes
    this.#bytes += bytes
    this.#share.take(bytes)
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
    largest.table.writeTo(largest.build)
    largest.table.clear()
    this.#take(largest, -largest.bytes)
    return true
  }

  /** Makes of the rows that are held as objects sixteen partitions that hold bytes. */
  #split(): void {
    const whole = this.#partitions[0] as Partition
    this.#take(whole, -whole.bytes)
    this.#pool ??= new ChunkPool(this.#share.limit, FAN_OUT)
    const pool = this.#pool
    this.#partitions = Array.from({ length: FAN_OUT }, () => this.#emptyPartition(pool))
    for (let at = 0; at < whole.table.length; at++) {
      const hash = whole.table.hashOf(at)
      const partition = this.#partitionOf(hash)
      this.#take(partition, partition.table.add(hash, whole.table.row(at)))
    }
    whole.table.clear()
  }

  #release(): void {
    for (const partition of this.#partitions) {
      this.#take(partition, -partition.bytes)
      partition.table.clear()
    }
  }

  #emptyPartition(pool: ChunkPool | null): Partition {
    const { key, serde } = this.#options.build
    return { table: new JoinTable(key, serde, pool), bytes: 0, build: null, probe: null }
  }
}
