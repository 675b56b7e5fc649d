import { StreamError, TopicMissingError } from '../../errors.ts'
import type { Logger } from '../../metrics/logger.ts'
import { sleep } from '../../time/clock.ts'
import type { Cluster } from './cluster.ts'
import type { FetchPlan } from './fetch-plan.ts'
import { type FetchPosition, type FetchResponse, fetchRecords } from './fetch-request.ts'
import type { ReaderPartition } from './reader-partition.ts'
import type { ResponseMemory } from './response-memory.ts'
import { expectOk } from './server-error.ts'

/** How long a server may hold a fetch back while it has nothing new. */
const maxWaitMs = 250
/** While one fetch waits for new records, another one asks for partitions that were added or drained meanwhile. */
const lanesPerLeader = 2
const firstDelayMs = 50
const maxDelayMs = 1000
/** A topic that the servers do not know may be one that a restarting server has not learnt of yet. */
const missingTopicMs = 30_000

/** What a fetcher asks of its reader. */
export interface FetchTarget {
  /** What to ask this server for now. */
  plan(leader: number): FetchPlan
  /** The most that one fetch may bring. */
  readonly fetchBytes: number
  /** Where responses are put; undefined for memory that is not used again. */
  readonly memory: ResponseMemory | undefined
  accept(requested: readonly ReaderPartition[], response: FetchResponse): ReaderPartition[]
  /** A fetch of these has failed. */
  miss(requested: readonly ReaderPartition[]): void
  fail(error: StreamError): void
}

/**
 * Keeps fetches under way to every server that leads partitions of its reader. Servers that go away or hand their
 * partitions over are waited for without end: the records are late then, not lost.
 */
export class Fetcher {
  readonly #cluster: Cluster
  readonly #logger: Logger
  readonly #name: string
  readonly #target: FetchTarget
  readonly #onClosed: () => void
  readonly #unlocated = new Set<ReaderPartition>()
  readonly #lanes = new Map<number, Promise<void>[]>()
  readonly #closing = new AbortController()
  #waiting: (() => void)[] = []
  #locating: Promise<void> | undefined
  #failures = 0

  constructor(cluster: Cluster, logger: Logger, name: string, target: FetchTarget, onClosed: () => void) {
    this.#cluster = cluster
    this.#logger = logger
    this.#name = name
    this.#target = target
    this.#onClosed = onClosed
  }

  /** Finds the servers of these partitions and starts to fetch them. */
  locate(partitions: readonly ReaderPartition[]): void {
    for (const state of partitions) {
      state.leader = this.#cluster.leader(state.topic, state.partition) ?? -1
      if (state.leader < 0) this.#unlocated.add(state)
      else this.#startLanes(state.leader)
    }
    this.#locateRest()
    this.wake()
  }

  /** Fetches it no more, until it is located again. */
  hold(state: ReaderPartition): void {
    state.leader = -1
  }

  /** Something changed: lanes that had nothing to fetch look again. */
  wake(): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const resume of waiting) resume()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.wake()
    // Ends the fetches under way, which else would wait for the server.
    const lanes = [...this.#lanes.values()].flat()
    await Promise.all(
      Array.from({ length: lanesPerLeader }, (_, lane) => this.#cluster.dataConnections.release(this.#purpose(lane))),
    )
    await Promise.all([...lanes, this.#locating])
    this.#onClosed()
  }

  #purpose(lane: number): string {
    return `${this.#name}/${lane}`
  }

  #startLanes(leader: number): void {
    if (this.#lanes.has(leader) || this.#closing.signal.aborted) return
    this.#lanes.set(
      leader,
      Array.from({ length: lanesPerLeader }, (_, lane) => this.#runLane(leader, lane)),
    )
  }

  async #runLane(leader: number, lane: number): Promise<void> {
    while (!this.#closing.signal.aborted) {
      const plan = this.#target.plan(leader)
      const chosen = plan.partitions
      if (chosen.length === 0) {
        await new Promise<void>((resolve) => this.#waiting.push(resolve))
        continue
      }
      for (const state of chosen) state.isInFlight = true
      try {
        const response = await this.#fetch(leader, lane, plan)
        for (const state of chosen) state.isInFlight = false
        this.#relocate(this.#target.accept(chosen, response), `server ${leader} does not lead them at the moment`)
      } catch (error) {
        for (const state of chosen) state.isInFlight = false
        if (this.#closing.signal.aborted) return
        if (StreamError.is(error)) this.#target.fail(error)
        this.#relocate(chosen, (error as Error).message)
        this.#target.miss(chosen)
      }
    }
  }

  async #fetch(leader: number, lane: number, { partitions, partitionBytes }: FetchPlan): Promise<FetchResponse> {
    const connection = await this.#cluster.dataConnection(leader, this.#purpose(lane))
    const topics = new Map<string, FetchPosition[]>()
    for (const { topic, partition, fetchOffset } of partitions) {
      const positions = topics.get(topic)
      if (positions === undefined) topics.set(topic, [{ partition, fetchOffset }])
      else positions.push({ partition, fetchOffset })
    }
    const request = { maxWaitMs, maxBytes: this.#target.fetchBytes, partitionMaxBytes: partitionBytes, topics }
    const response = await fetchRecords(connection, request, this.#target.memory)
    expectOk(response.errorCode, 'fetch')
    return response
  }

  /** These partitions are not where they were thought to be. */
  #relocate(partitions: readonly ReaderPartition[], reason: string): void {
    let isNews = false
    for (const state of partitions) {
      if (state.isRemoved || this.#unlocated.has(state)) continue
      state.leader = -1
      this.#cluster.forgetLeaders(state.topic)
      this.#unlocated.add(state)
      isNews = true
    }
    if (!isNews) {
      if (partitions.length === 0) this.#failures = 0
      return
    }
    this.#failures++
    this.#logger.warn(
      { partitions: describe(partitions), reason },
      'reading of topic partitions is held up: looking for their leaders',
    )
    this.#locateRest()
  }

  #locateRest(): void {
    if (this.#unlocated.size === 0 || this.#locating !== undefined || this.#closing.signal.aborted) return
    this.#locating = this.#locateAll().finally(() => {
      this.#locating = undefined
      this.#locateRest()
    })
  }

  async #locateAll(): Promise<void> {
    const { clock } = this.#cluster
    const { signal } = this.#closing
    let missingSince: number | undefined
    let isKnown = false
    for (let failures = this.#failures; this.#unlocated.size > 0 && !signal.aborted; failures++) {
      try {
        if (failures > 0) await sleep(clock, Math.min(firstDelayMs * 2 ** (failures - 1), maxDelayMs), signal)
        const missing = await this.#locateOnce()
        if (missing === undefined) {
          missingSince = undefined
          continue
        }
        missingSince ??= clock.now()
        if (clock.now() - missingSince >= missingTopicMs) {
          this.#target.fail(
            new TopicMissingError('the topic does not exist any more: create it, or change the job', {
              where: { topic: missing },
            }),
          )
          return
        }
      } catch (error) {
        if (signal.aborted) return
        if (StreamError.is(error) && error.reaction === 'fail-job') this.#target.fail(error)
        // Once for an outage: it is tried again many times.
        if (!isKnown) {
          const reason = (error as Error).message
          this.#logger.warn({ reason }, 'the leaders of topic partitions cannot be found, trying again')
        }
        isKnown = true
      }
    }
  }

  /** Returns a topic that does not exist, if there is one. */
  async #locateOnce(): Promise<string | undefined> {
    for (const state of this.#unlocated) if (state.isRemoved) this.#unlocated.delete(state)
    const found = await this.#cluster.refresh([...new Set(Array.from(this.#unlocated, (state) => state.topic))])
    let missing: string | undefined
    for (const state of this.#unlocated) {
      const leader = this.#cluster.leader(state.topic, state.partition)
      if (found.get(state.topic) === null) missing = state.topic
      if (leader === undefined) continue
      this.#unlocated.delete(state)
      state.leader = leader
      this.#startLanes(leader)
    }
    this.wake()
    return missing
  }
}

/** The first few, for a log line. */
function describe(partitions: readonly ReaderPartition[]): string {
  const shown = partitions.slice(0, 5).map(({ topic, partition }) => `${topic}/${partition}`)
  return partitions.length > shown.length
    ? `${shown.join(', ')} and ${partitions.length - shown.length} more`
    : shown.join(', ')
}
