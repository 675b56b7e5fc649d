import { OffsetsLostError, type StreamError } from '../../errors.ts'
import type { Logger } from '../../metrics/logger.ts'
import type { LogBatch, LogReader, LogReaderOptions, PartitionOffset, TopicPartition } from '../log.ts'
import type { Cluster } from './cluster.ts'
import type { FetchedPartition, FetchResponse } from './fetch-request.ts'
import { Fetcher } from './fetcher.ts'
import { listOffsets } from './list-offsets.ts'
import { ReaderPartition } from './reader-partition.ts'
import { FetchedRecords } from './record-batch/fetched-records.ts'
import { ResponseMemory, SharedBytes } from './response-memory.ts'
import { code, isRetriableCode, isStaleLeader, ServerError, toStreamError } from './server-error.ts'

/** Even the smallest share of the buffer lets a partition be fetched again before the last of it is taken. */
const smallestShareBytes = 64 * 1024
const largestFetchBytes = 4 * 1024 * 1024
/** Fetches for which the buffer has room. */
const fetchesInBuffer = 4

/**
 * Reads committed records ahead of its consumer. Fetched bytes wait undecoded; `take` decodes about a thousand records
 * at a time, of the partition that lies furthest back.
 */
export class KafkaReader implements LogReader {
  readonly #cluster: Cluster
  readonly #logger: Logger
  readonly #options: LogReaderOptions
  readonly #fetcher: Fetcher
  readonly #partitions = new Map<string, ReaderPartition>()
  /** Those with something to take, in turn. */
  #queue: ReaderPartition[] = []
  #bufferedBytes = 0
  #isStarved = true
  #failure: StreamError | undefined
  /**
   * For the fetcher: what a response may bring. Nothing is fetched before there is room for it: many small responses would cost
   * more than a few large ones, and memory is used again best when they are of one size.
   */
  readonly fetchBytes: number
  /** For the fetcher. */
  readonly memory: ResponseMemory | undefined
  /** The response that the last batch was the last of a partition's from. */
  #emptied: SharedBytes | undefined

  constructor(cluster: Cluster, logger: Logger, options: LogReaderOptions, name: string, closed: () => void) {
    this.#cluster = cluster
    this.#logger = logger
    this.#options = options
    this.fetchBytes = Math.max(Math.min(largestFetchBytes, Math.floor(options.maxBufferedBytes / fetchesInBuffer)), 1)
    this.memory = options.reusesMemory === true ? new ResponseMemory(options.maxBufferedBytes) : undefined
    this.#fetcher = new Fetcher(cluster, logger, name, this, closed)
  }

  add(partitions: readonly PartitionOffset[]): void {
    const added: ReaderPartition[] = []
    for (const { topic, partition, offset } of partitions) {
      this.#drop(topic, partition)
      const state = new ReaderPartition(topic, partition, offset)
      this.#partitions.set(key(topic, partition), state)
      added.push(state)
    }
    this.#fetcher.locate(added)
  }

  remove(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.#drop(topic, partition)
    this.#fetcher.wake()
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      const state = this.#partitions.get(key(topic, partition))
      if (state === undefined || state.isPaused) continue
      state.isPaused = true
      this.#bufferedBytes -= state.bufferedBytes
    }
    this.#fetcher.wake()
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      const state = this.#partitions.get(key(topic, partition))
      if (!state?.isPaused) continue
      state.isPaused = false
      this.#bufferedBytes += state.bufferedBytes
      this.#enqueue(state)
    }
    this.#fetcher.wake()
  }

  take(): LogBatch | undefined {
    if (this.#failure !== undefined) throw this.#failure
    this.#releaseEmptied()
    for (let state = this.#dequeue(); state !== undefined; state = this.#dequeue()) {
      state.isQueued = false
      if (state.isRemoved || state.isPaused) continue
      const batch = this.#decode(state)
      this.#fetcher.wake()
      if (batch !== undefined) return batch
    }
    this.#isStarved = true
    return undefined
  }

  endOffset(topic: string, partition: number): number | undefined {
    return this.#partitions.get(key(topic, partition))?.endOffset
  }

  async close(): Promise<void> {
    for (const { topic, partition } of [...this.#partitions.values()]) this.#drop(topic, partition)
    await this.#fetcher.close()
  }

  /** For the fetcher: the partitions led by this server that are worth fetching now. */
  fetchable(leader: number): ReaderPartition[] {
    // What paused partitions hold is not counted: else they could keep those from fetching that they wait for.
    const room = this.#options.maxBufferedBytes - this.#bufferedBytes
    if (this.#failure !== undefined || room < this.fetchBytes) return []
    const share = Math.max(this.#options.maxBufferedBytes / Math.max(this.#partitions.size, 1), smallestShareBytes)
    const chosen: ReaderPartition[] = []
    for (const state of this.#partitions.values()) {
      if (state.leader === leader && !state.isInFlight && !state.isPaused && state.bufferedBytes < share) {
        chosen.push(state)
      }
    }
    // A response is filled in the order of the request, so whoever has least comes first.
    return chosen.sort((a, b) => a.bufferedBytes - b.bufferedBytes)
  }

  /** For the fetcher: takes over what was fetched; returns the partitions whose leader must be asked for anew. */
  accept(requested: readonly ReaderPartition[], response: FetchResponse): ReaderPartition[] {
    const states = new Map(requested.map((state) => [key(state.topic, state.partition), state]))
    const lost: ReaderPartition[] = []
    const shared = new SharedBytes(response.bytes)
    for (const fetched of response.partitions) {
      const state = states.get(key(fetched.topic, fetched.partition))
      if (state === undefined || state.isRemoved) continue
      if (fetched.errorCode === 0) this.#store(state, fetched, shared)
      else if (fetched.errorCode === code.OFFSET_OUT_OF_RANGE) void this.#outOfRange(state)
      else if (isStaleLeader(fetched.errorCode) || isRetriableCode(fetched.errorCode)) lost.push(state)
      else {
        const { topic, partition, fetchOffset: offset } = state
        const error = new ServerError(fetched.errorCode, 'fetch')
        this.fail(toStreamError(error, 'the topic cannot be read', { topic, partition, offset }))
      }
    }
    if (shared.uses === 0) this.memory?.release(shared.bytes)
    return lost
  }

  /** What the reader cannot recover from: the next `take` throws it. */
  fail(error: StreamError): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#logger.error({ code: error.code, ...error.where }, error.message)
    this.#options.onAvailable()
  }

  #store(state: ReaderPartition, fetched: FetchedPartition, response: SharedBytes): void {
    state.endOffset = fetched.lastStableOffset
    if (fetched.end === fetched.start) return
    const { topic, partition, start, end, aborted } = fetched
    const records = new FetchedRecords(topic, partition, response.bytes, start, end, state.fetchOffset, aborted)
    const size = records.remainingBytes
    if (size === 0) return
    state.fetchOffset = records.nextOffset
    response.uses++
    state.fetched.push({ records, response })
    state.bufferedBytes += size
    if (!state.isPaused) this.#bufferedBytes += size
    this.#enqueue(state)
  }

  #decode(state: ReaderPartition): LogBatch | undefined {
    const first = state.fetched[0]
    if (first === undefined) return undefined
    this.#releaseEmptied()
    const { records, response } = first
    const before = records.remainingBytes
    let batch: LogBatch | undefined
    try {
      batch = records.next()
    } catch (error) {
      this.#failure = toStreamError(error, 'the fetched records cannot be decoded', state)
      throw this.#failure
    }
    const taken = before - records.remainingBytes
    state.bufferedBytes -= taken
    this.#bufferedBytes -= taken
    if (records.remainingBytes === 0) {
      state.fetched.shift()
      this.#emptied = response
    }
    this.#enqueue(state)
    return batch
  }

  /** What was given out of it has been worked off, since something else is asked for. */
  #releaseEmptied(): void {
    const response = this.#emptied
    if (response === undefined) return
    this.#emptied = undefined
    response.uses--
    if (response.uses === 0) this.memory?.release(response.bytes)
  }

  #enqueue(state: ReaderPartition): void {
    if (state.isQueued || state.isPaused || state.isRemoved || state.fetched.length === 0) return
    state.isQueued = true
    this.#queue.push(state)
    if (!this.#isStarved) return
    this.#isStarved = false
    this.#options.onAvailable()
  }

  /** Whoever lies furthest back; the one whose turn it was waits in its place. */
  #dequeue(): ReaderPartition | undefined {
    const first = this.#queue.shift()
    const { rank } = this.#options
    if (first === undefined || rank === undefined) return first
    let lowest = rank(first.topic, first.partition)
    if (Number.isNaN(lowest)) return first
    let at = -1
    for (let index = 0; index < this.#queue.length; index++) {
      const { topic, partition } = this.#queue[index] as ReaderPartition
      const reached = rank(topic, partition)
      if (!(reached < lowest)) continue
      lowest = reached
      at = index
    }
    const chosen = this.#queue[at]
    if (chosen === undefined) return first
    this.#queue[at] = first
    return chosen
  }

  #drop(topic: string, partition: number): void {
    const state = this.#partitions.get(key(topic, partition))
    if (state === undefined) return
    this.#partitions.delete(key(topic, partition))
    state.isRemoved = true
    if (!state.isPaused) this.#bufferedBytes -= state.bufferedBytes
    // Their responses keep their uses, so their memory is not used again: a batch of them may still be looked at.
    state.fetched.length = 0
    this.#queue = this.#queue.filter((other) => other !== state)
  }

  /** Either the records are gone, or a new leader has not caught up yet; only the first is an end. */
  async #outOfRange(state: ReaderPartition): Promise<void> {
    const { topic, partition, fetchOffset: offset } = state
    this.#fetcher.hold(state)
    try {
      const [earliest = 0] = await listOffsets(this.#cluster, [state], 'earliest')
      const [end = 0] = await listOffsets(this.#cluster, [state], 'uncommitted')
      if (state.isRemoved) return
      if (offset >= earliest && offset <= end) {
        this.#fetcher.locate([state])
        return
      }
      this.fail(
        new OffsetsLostError(
          `offset ${offset} is not in the topic, which now holds ${earliest} to ${end}: ${
            offset < earliest
              ? 'the records were deleted before they were read (see retention.ms and retention.bytes)'
              : 'the topic was deleted and created again, or lost its end'
          }`,
          { where: { topic, partition, offset } },
        ),
      )
    } catch (error) {
      if (!state.isRemoved) {
        this.fail(
          new OffsetsLostError(`offset ${offset} is not in the topic`, { cause: error, where: { topic, partition } }),
        )
      }
    }
  }
}

function key(topic: string, partition: number): string {
  return `${topic}/${partition}`
}
