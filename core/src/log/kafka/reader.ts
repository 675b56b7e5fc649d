import { OffsetsLostError, type StreamError } from '../../errors.ts'
import type { Logger } from '../../metrics/logger.ts'
import type { CancelTimer } from '../../time/clock.ts'
import type { LogBatch, LogReader, LogReaderOptions, PartitionOffset, TopicPartition } from '../log.ts'
import type { Cluster } from './cluster.ts'
import { type FetchPlan, planFetch } from './fetch-plan.ts'
import type { FetchedPartition, FetchResponse } from './fetch-request.ts'
import { Fetcher } from './fetcher.ts'
import { listOffsets } from './list-offsets.ts'
import { ReaderPartition } from './reader-partition.ts'
import { ReadingOrder } from './reading-order.ts'
import { FetchedRecords } from './record-batch/fetched-records.ts'
import { ResponseMemory, SharedBytes } from './response-memory.ts'
import { code, isRetriableCode, isStaleLeader, ServerError, toStreamError } from './server-error.ts'

/** Even the smallest share of the buffer lets a partition be fetched again before the last of it is taken. */
const smallestShareBytes = 64 * 1024
const largestFetchBytes = 4 * 1024 * 1024
/** Fetches for which the buffer has room. */
const fetchesInBuffer = 4
/** How long others wait for records that are on their way: servers answer at once where they have some. */
const longestWaitMs = 250
const none: readonly ReaderPartition[] = []

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
  readonly #order: ReadingOrder
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
  /** Set while what is buffered waits for records that are on their way. */
  #endWait: CancelTimer | undefined

  constructor(cluster: Cluster, logger: Logger, options: LogReaderOptions, name: string, closed: () => void) {
    this.#cluster = cluster
    this.#logger = logger
    this.#options = options
    this.#order = new ReadingOrder(options.rank)
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
    this.#lookAgain()
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      const state = this.#partitions.get(key(topic, partition))
      if (state === undefined || state.isPaused) continue
      state.isPaused = true
      this.#bufferedBytes -= state.bufferedBytes
      this.#order.remove(state)
    }
    this.#fetcher.wake()
    this.#lookAgain()
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      const state = this.#partitions.get(key(topic, partition))
      if (!state?.isPaused) continue
      state.isPaused = false
      this.#bufferedBytes += state.bufferedBytes
      this.#order.add(state)
    }
    this.#fetcher.wake()
    this.#lookAgain()
  }

  take(): LogBatch | undefined {
    if (this.#failure !== undefined) throw this.#failure
    this.#releaseEmptied()
    for (;;) {
      const state = this.#order.next(this.#onTheirWay())
      if (state === undefined) break
      this.#stopWaiting()
      const batch = this.#decode(state)
      this.#fetcher.wake()
      if (batch !== undefined) return batch
    }
    this.#isStarved = true
    if (!this.#order.isEmpty) this.#startWaiting()
    return undefined
  }

  endOffset(topic: string, partition: number): number | undefined {
    return this.#partitions.get(key(topic, partition))?.endOffset
  }

  async close(): Promise<void> {
    for (const { topic, partition } of [...this.#partitions.values()]) this.#drop(topic, partition)
    this.#stopWaiting()
    await this.#fetcher.close()
  }

  /** For the fetcher: the partitions led by this server that are worth fetching now. */
  plan(leader: number): FetchPlan {
    const { maxBufferedBytes } = this.#options
    const share = Math.max(maxBufferedBytes / Math.max(this.#partitions.size, 1), smallestShareBytes)
    const hasRoom = maxBufferedBytes - this.#bufferedBytes >= this.fetchBytes
    const candidates: ReaderPartition[] = []
    for (const state of this.#partitions.values()) {
      if (this.#failure !== undefined || state.leader !== leader || state.isInFlight || state.isPaused) continue
      if (hasRoom ? state.bufferedBytes < share : this.#isMissed(state)) candidates.push(state)
    }
    return planFetch(candidates, this.fetchBytes)
  }

  /** For the fetcher: takes over what was fetched; returns the partitions whose leader must be asked for anew. */
  accept(requested: readonly ReaderPartition[], response: FetchResponse): ReaderPartition[] {
    const states = new Map(requested.map((state) => [key(state.topic, state.partition), state]))
    const expected = requested.filter((state) => state.isBehind)
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
    this.miss(expected.filter((state) => state.fetched.length === 0))
    return lost
  }

  /** For the fetcher: nothing has come of these, so that nobody waits for them. */
  miss(requested: readonly ReaderPartition[]): void {
    for (const state of requested) state.isLate = true
    this.#lookAgain()
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
    state.isLate = false
    state.bufferedBytes += size
    if (!state.isPaused) this.#bufferedBytes += size
    this.#order.add(state)
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
    this.#order.add(state)
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

  /**
   * Nothing of it is buffered although there is something: it is fetched also while others, which may have to wait for it, leave
   * little room. What paused partitions hold is not counted, since it might be them that wait for it.
   */
  #isMissed(state: ReaderPartition): boolean {
    return state.fetched.length === 0 && state.isBehind && this.#bufferedBytes < this.#options.maxBufferedBytes
  }

  #onTheirWay(): readonly ReaderPartition[] {
    if (this.#options.rank === undefined) return none
    let found: ReaderPartition[] | undefined
    for (const state of this.#partitions.values()) {
      if (state.isLate || state.isPaused || state.leader < 0) continue
      if (state.isInFlight ? state.fetched.length > 0 || !state.isBehind : !this.#isMissed(state)) continue
      found ??= []
      found.push(state)
    }
    return found ?? none
  }

  #startWaiting(): void {
    this.#endWait ??= this.#cluster.clock.setTimer(longestWaitMs, () => {
      this.#endWait = undefined
      this.miss(this.#onTheirWay())
    })
  }

  #stopWaiting(): void {
    this.#endWait?.()
    this.#endWait = undefined
  }

  /** Something may be taken now that nothing was given of before. */
  #lookAgain(): void {
    if (!this.#isStarved || this.#order.isEmpty) return
    this.#isStarved = false
    this.#options.onAvailable()
  }

  #drop(topic: string, partition: number): void {
    const state = this.#partitions.get(key(topic, partition))
    if (state === undefined) return
    this.#partitions.delete(key(topic, partition))
    state.isRemoved = true
    if (!state.isPaused) this.#bufferedBytes -= state.bufferedBytes
    // Their responses keep their uses, so their memory is not used again: a batch of them may still be looked at.
    state.fetched.length = 0
    this.#order.remove(state)
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
