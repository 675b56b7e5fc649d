import { ConnectionError, StreamError } from '../../errors.ts'
import type { Logger } from '../../metrics/logger.ts'
import { sleep } from '../../time/clock.ts'
import type { Cluster } from './cluster.ts'
import type { DataConnection } from './data-connection.ts'
import { type ProducedBatch, produceBatches } from './produce-request.ts'
import { code, DisconnectedError, isRetriableCode, isStaleLeader, ServerError, toStreamError } from './server-error.ts'
import type { ProducerId } from './transaction.ts'
import type { WriterBatch, WriterPartition } from './writer-partition.ts'

const requestsInFlight = 5
/** A request takes one batch of each partition until it is this large. Servers refuse 100 MiB. */
const requestBytes = 4 * 1024 * 1024
const firstDelayMs = 20
const maxDelayMs = 1000

/** What a sender asks of its writer. */
export interface SendTarget {
  /** A batch that is not full and may be sent is closed. */
  closeDue(partition: WriterPartition): void
  /** Makes the partitions part of the transaction, where there is one. */
  join(partitions: readonly WriterPartition[]): Promise<void>
  acknowledged(batch: WriterBatch): void
  fail(error: StreamError): void
}

interface Sent {
  readonly partition: WriterPartition
  readonly batch: WriterBatch
}

/**
 * Sends the batches of a writer: several requests at once to each server, in order within each partition, and again with
 * the same sequence numbers after a failure, so that nothing is lost or doubled.
 */
export class Sender {
  readonly #cluster: Cluster
  readonly #logger: Logger
  readonly #name: string
  readonly #transactionalId: string | null
  readonly #target: SendTarget
  /** Partitions that may have something to send. */
  readonly #active = new Set<WriterPartition>()
  readonly #joining = new Set<WriterPartition>()
  readonly #unlocated = new Set<WriterPartition>()
  readonly #connections = new Map<number, DataConnection>()
  readonly #inFlight = new Map<number, number>()
  readonly #closing = new AbortController()
  #identity: ProducerId = { producerId: -1, epoch: -1 }
  /** Only batches up to this generation may be sent. */
  #lastGeneration = -1
  #isPumpDue = false
  #failures = 0
  #working = 0
  #idle: (() => void)[] = []

  constructor(cluster: Cluster, logger: Logger, name: string, transactionalId: string | null, target: SendTarget) {
    this.#cluster = cluster
    this.#logger = logger
    this.#name = name
    this.#transactionalId = transactionalId
    this.#target = target
  }

  /** Lets batches go up to this generation, under this identity. */
  allow(lastGeneration: number, identity: ProducerId): void {
    this.#lastGeneration = lastGeneration
    this.#identity = identity
  }

  /** The partition has something to send. */
  wake(partition: WriterPartition): void {
    this.#active.add(partition)
    if (this.#isPumpDue) return
    this.#isPumpDue = true
    // What one turn of the event loop appends to several partitions goes out in one request.
    queueMicrotask(() => {
      this.#isPumpDue = false
      this.#pump()
    })
  }

  /** Sends nothing more. */
  halt(): void {
    this.#lastGeneration = -1
  }

  /** Sends nothing more and resolves when every answer has come. */
  async stop(): Promise<void> {
    this.#lastGeneration = -1
    this.#active.clear()
    this.#joining.clear()
    this.#unlocated.clear()
    while (this.#working > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#lastGeneration = -1
    await this.#cluster.dataConnections.release(this.#name)
  }

  #pump(): void {
    for (let isProgress = true; isProgress; ) {
      isProgress = false
      const requests = new Map<number, { bytes: number; sent: Sent[] }>()
      for (const partition of this.#active) {
        if (partition.isDue && partition.isIdle) this.#target.closeDue(partition)
        const batch = partition.sendable(this.#lastGeneration)
        if (batch === undefined) {
          // An answer, a commit or the end of a compression brings it back.
          this.#active.delete(partition)
          continue
        }
        if (batch.triedAt < 0) batch.triedAt = this.#cluster.clock.now()
        const leader = this.#cluster.leader(partition.topic, partition.partition)
        if (!partition.isJoined) this.#hold(partition, this.#joining)
        else if (leader === undefined) this.#hold(partition, this.#unlocated)
        else if ((this.#inFlight.get(leader) ?? 0) < requestsInFlight) {
          const forLeader = requests.get(leader) ?? { bytes: 0, sent: [] }
          requests.set(leader, forLeader)
          if (forLeader.bytes > 0 && forLeader.bytes + batch.bytes > requestBytes) continue
          forLeader.bytes += batch.bytes
          forLeader.sent.push({ partition, batch })
        }
      }
      for (const [leader, { sent }] of requests) {
        isProgress = true
        void this.#work(() => this.#produce(leader, sent))
      }
    }
    if (this.#joining.size > 0) void this.#work(() => this.#join())
    if (this.#unlocated.size > 0) void this.#work(() => this.#locate())
  }

  #hold(partition: WriterPartition, where: Set<WriterPartition>): void {
    this.#active.delete(partition)
    where.add(partition)
  }

  async #work(task: () => Promise<void>): Promise<void> {
    this.#working++
    try {
      await task()
    } catch (error) {
      this.#target.fail(toStreamError(error, 'the records cannot be written'))
    }
    this.#working--
    if (this.#working > 0) return
    const idle = this.#idle
    this.#idle = []
    for (const resolve of idle) resolve()
  }

  async #join(): Promise<void> {
    const partitions = [...this.#joining]
    this.#joining.clear()
    if (!this.#closing.signal.aborted) await this.#target.join(partitions)
    for (const partition of partitions) {
      partition.isJoined = true
      this.wake(partition)
    }
  }

  async #produce(leader: number, sent: readonly Sent[]): Promise<void> {
    this.#inFlight.set(leader, (this.#inFlight.get(leader) ?? 0) + 1)
    const topics = new Map<string, ProducedBatch[]>()
    const transactional = this.#transactionalId !== null
    const producer = { ...this.#identity, transactional }
    for (const { partition, batch } of sent) {
      partition.sent++
      partition.inFlight++
      if (batch.wire === undefined) {
        batch.sequence = partition.takeSequence(batch.builder.count)
        batch.wire = batch.builder.finish(producer, batch.sequence)
      }
      const batches = topics.get(partition.topic)
      const produced = { partition: partition.partition, bytes: batch.wire }
      if (batches === undefined) topics.set(partition.topic, [produced])
      else batches.push(produced)
    }
    const codes = new Map<string, number>()
    let lost: DisconnectedError | undefined
    try {
      let connection = this.#connections.get(leader)
      if (!connection?.isConnected()) {
        connection = await this.#cluster.dataConnection(leader, this.#name)
        this.#connections.set(leader, connection)
      }
      const timeoutMs = this.#cluster.settings.requestTimeoutMs
      const answer = await produceBatches(connection, {
        transactionalId: this.#transactionalId,
        timeoutMs,
        topics,
      })
      for (const { topic, partition, errorCode } of answer) codes.set(`${topic}/${partition}`, errorCode)
    } catch (error) {
      if (!(error instanceof DisconnectedError)) throw error
      lost = error
    } finally {
      this.#inFlight.set(leader, (this.#inFlight.get(leader) ?? 0) - 1)
      for (const { partition } of sent) partition.inFlight--
    }
    for (const { partition, batch } of sent) {
      const errorCode = codes.get(`${partition.topic}/${partition.partition}`)
      const error = errorCode === undefined ? (lost ?? new DisconnectedError('the server', 'no answer')) : errorCode
      this.#settle(partition, batch, error)
    }
    // Others may have waited for the place of this request.
    this.#pump()
  }

  #settle(partition: WriterPartition, batch: WriterBatch, result: number | DisconnectedError): void {
    // The server has it already: the answer to the first attempt got lost.
    if (result === 0 || result === code.DUPLICATE_SEQUENCE_NUMBER) {
      this.#failures = 0
      if (partition.acknowledge(batch)) this.#target.acknowledged(batch)
    } else {
      this.#failed(partition, batch, result)
    }
    if (partition.isRecovering) {
      if (partition.inFlight > 0) return
      partition.recover()
      this.#unlocated.add(partition)
    } else {
      this.#active.add(partition)
    }
  }

  #failed(partition: WriterPartition, batch: WriterBatch, result: number | DisconnectedError): void {
    const { topic, partition: index } = partition
    // One in front of it has failed, or will be seen to have failed in a moment.
    const isGap = result === code.OUT_OF_ORDER_SEQUENCE_NUMBER && partition.queue[0] !== batch
    const error = typeof result === 'number' ? new ServerError(result, 'produce') : result
    const isLate = this.#cluster.clock.now() - batch.triedAt >= this.#cluster.settings.deliveryTimeoutMs
    if (typeof result === 'number' && ((!isGap && !isRetriableCode(result)) || isLate)) {
      this.#target.fail(toStreamError(error, 'the records cannot be written', { topic, partition: index }))
    } else if (isLate) {
      this.#target.fail(
        new ConnectionError(`records cannot be written, and whether they have been is unknown: ${error.message}`, {
          cause: error,
          where: { topic, partition: index },
        }),
      )
    }
    if (typeof result !== 'number' || isStaleLeader(result)) this.#cluster.forgetLeaders(topic)
    if (partition.isRecovering) return
    partition.isRecovering = true
    this.#failures++
    this.#logger.warn({ topic, partition: index, reason: error.message }, 'writing is held up: trying again')
  }

  /** Waits a little, and finds out who leads the partitions now. */
  async #locate(): Promise<void> {
    const partitions = [...this.#unlocated]
    this.#unlocated.clear()
    const { signal } = this.#closing
    const delay = Math.min(firstDelayMs * 2 ** Math.min(this.#failures, 10), maxDelayMs)
    try {
      if (this.#failures > 0) await sleep(this.#cluster.clock, delay, signal)
      await this.#cluster.refresh([...new Set(partitions.map((partition) => partition.topic))])
    } catch (error) {
      if (signal.aborted || this.#lastGeneration < 0) return
      if (StreamError.is(error)) throw error
      this.#failures++
    }
    for (const partition of partitions) {
      const batch = partition.queue[0]
      const leader = this.#cluster.leader(partition.topic, partition.partition)
      if (leader === undefined) {
        this.#failures++
        if (batch !== undefined && batch.triedAt >= 0) this.#expire(partition, batch)
      }
      this.wake(partition)
    }
  }

  #expire({ topic, partition }: WriterPartition, { triedAt }: WriterBatch): void {
    const { deliveryTimeoutMs } = this.#cluster.settings
    if (this.#cluster.clock.now() - triedAt < deliveryTimeoutMs) return
    this.#target.fail(
      new ConnectionError(`no server that leads the partition could be reached for ${deliveryTimeoutMs} ms`, {
        where: { topic, partition },
      }),
    )
  }
}
