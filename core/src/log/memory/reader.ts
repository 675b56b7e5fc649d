import { OffsetsLostError } from '../../errors.ts'
import type { LogBatch, LogReader, LogReaderOptions, PartitionOffset, TopicPartition } from '../log.ts'
import type { MemoryPartition } from './partition.ts'
import type { MemoryStorage } from './storage.ts'
import type { Wire } from './wire.ts'

interface ReadPartition {
  readonly topic: string
  readonly partition: number
  readonly stored: MemoryPartition
  readonly onAdvanced: () => void
  offset: number
  /** Position among the stored entries; -1 until it was looked up. */
  position: number
  paused: boolean
}

/** Reads straight from the stored batches: nothing is fetched ahead, and nothing is copied. */
export class MemoryReader implements LogReader {
  readonly #storage: MemoryStorage
  readonly #notify: () => void
  readonly #rank: LogReaderOptions['rank']
  readonly #partitions: ReadPartition[] = []
  #next = 0
  #failure: unknown = null
  #waiting = true
  #closed = false

  constructor(storage: MemoryStorage, { onAvailable, rank }: LogReaderOptions, wire: Wire) {
    this.#storage = storage
    this.#rank = rank
    this.#notify = () => {
      if (!this.#waiting || this.#closed) return
      this.#waiting = false
      void wire.hop().then(() => {
        if (!this.#closed) onAvailable()
      })
    }
  }

  add(partitions: readonly PartitionOffset[]): void {
    for (const { topic, partition, offset } of partitions) {
      let stored: MemoryPartition
      try {
        stored = this.#storage.partition(topic, partition)
      } catch (error) {
        // As with a server, which is asked later: whoever takes hears of it.
        this.#failure ??= error
        continue
      }
      const onAdvanced = (): void => this.#notify()
      stored.listen(onAdvanced)
      this.#partitions.push({ topic, partition, stored, onAdvanced, offset, position: -1, paused: false })
    }
    this.#notify()
  }

  remove(partitions: readonly TopicPartition[]): void {
    for (const wanted of partitions) {
      const at = this.#partitions.findIndex((read) => isSame(read, wanted))
      if (at < 0) continue
      const [removed] = this.#partitions.splice(at, 1)
      removed?.stored.unlisten(removed.onAdvanced)
    }
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const read of this.#partitions) if (partitions.some((wanted) => isSame(read, wanted))) read.paused = true
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const read of this.#partitions) if (partitions.some((wanted) => isSame(read, wanted))) read.paused = false
    this.#notify()
  }

  take(): LogBatch | undefined {
    if (this.#failure !== null) throw this.#failure
    const batch = this.#choose()
    if (batch === undefined) this.#waiting = true
    return batch
  }

  endOffset(topic: string, partition: number): number | undefined {
    return this.#partitions.find((read) => isSame(read, { topic, partition }))?.stored.stableOffset
  }

  async close(): Promise<void> {
    this.#closed = true
    this.remove([...this.#partitions])
  }

  /** From whoever lies furthest back, in the place of the one whose turn it is. */
  #choose(): LogBatch | undefined {
    const { length } = this.#partitions
    let chosen: ReadPartition | undefined
    let lowest = Number.NaN
    const start = this.#next
    for (let tried = 0; tried < length; tried++) {
      const at = (start + tried) % length
      const read = this.#partitions[at] as ReadPartition
      if (read.paused || !hasMore(read)) continue
      const reached = this.#rank?.(read.topic, read.partition) ?? Number.NaN
      if (chosen === undefined) this.#next = at + 1
      if (chosen === undefined || reached < lowest) {
        chosen = read
        lowest = reached
      }
      if (Number.isNaN(lowest)) break
    }
    return chosen === undefined ? undefined : this.#takeFrom(chosen)
  }

  #takeFrom(read: ReadPartition): LogBatch | undefined {
    const { topic, partition, stored } = read
    if (read.offset > stored.end) {
      throw new OffsetsLostError(
        `The offset to read from is beyond the end of the partition (${stored.end}): the topic was deleted and created anew.`,
        { where: { topic, partition, offset: read.offset } },
      )
    }
    if (read.offset < stored.start) {
      throw new OffsetsLostError(
        `The offset to read from is before the start of the partition (${stored.start}): its records were deleted.`,
        { where: { topic, partition, offset: read.offset } },
      )
    }
    if (read.position < 0) read.position = stored.find(read.offset)
    const batch = stored.read(read.position, read.offset)
    if (batch === undefined) return undefined
    read.position++
    read.offset = batch.nextOffset
    return batch
  }
}

/** Also true where the place to read from is lost, which taking tells. */
function hasMore({ offset, stored }: ReadPartition): boolean {
  return offset < stored.stableOffset || offset > stored.end
}

function isSame(read: TopicPartition, wanted: TopicPartition): boolean {
  return read.topic === wanted.topic && read.partition === wanted.partition
}
