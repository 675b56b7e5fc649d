import {
  addOffsetsToTxnV3,
  addPartitionsToTxnV3,
  type Connection,
  describeTransactionsV0,
  endTxnV3,
  initProducerIdV4,
  txnOffsetCommitV3,
} from '@platformatic/kafka'
import type { OffsetCommit, TopicPartition } from '../log.ts'
import type { Cluster } from './cluster.ts'
import { request } from './connections.ts'
import { offsetTopics } from './offset-topics.ts'
import { retry } from './retry.ts'
import { code, expectOk, isStaleCoordinator, ServerError } from './server-error.ts'

export interface ProducerId {
  readonly producerId: number
  readonly epoch: number
}

/** How the last transaction of an id ended. */
export type Outcome = 'commit' | 'abort'

export interface TakenId {
  readonly identity: ProducerId
  /** Of the former owner's last transaction; undefined when there was none, or when it cannot be told any more. */
  readonly former: Outcome | undefined
}

/** While a former transaction still writes its markers the coordinator is busy for some milliseconds only. */
const firstDelayMs = 5
/** Offsets of a transaction are fenced by the producer's epoch, not by a membership of the group. */
const noGeneration = -1
const noMember = ''

/**
 * The requests around a transaction, each repeated until it is answered. All of them may be repeated: the coordinator
 * takes one that it has done already for done.
 *
 * The versions are those before the second protocol of transactions (KIP-890): every server from 3.0 on knows them, and
 * with them a server of 4.0 or later keeps the epoch of the producer at the end of a transaction.
 */
export class TransactionRequests {
  readonly #cluster: Cluster
  readonly #id: string | null
  readonly #timeoutMs: number

  constructor(cluster: Cluster, transactionalId: string | null, timeoutMs: number) {
    this.#cluster = cluster
    this.#id = transactionalId
    this.#timeoutMs = timeoutMs
  }

  /** Takes the id over: fences who had it and aborts what is open. */
  takeOver(): Promise<TakenId> {
    const id = this.#id
    let former: Outcome | undefined
    return this.#initialise(async (connection) => {
      // Asked at each attempt, as one that fails may have aborted what was open; or its answer was lost, and all is forgotten.
      if (id !== null) former = outcomes.get(await describeState(connection, id)) ?? former
      return { identity: await this.#init(connection, -1, -1), former }
    })
  }

  /** Moves on to the next epoch, which is refused when somebody else took the id over meanwhile. */
  nextEpoch({ producerId, epoch }: ProducerId): Promise<ProducerId> {
    return this.#initialise((connection) => this.#init(connection, producerId, epoch))
  }

  #initialise<T>(send: (connection: Connection) => Promise<T>): Promise<T> {
    const id = this.#id
    return this.#retry('the writer cannot be initialised', this.#cluster.settings.retryTimeoutMs, async () =>
      id === null ? send(await this.#cluster.any()) : this.#cluster.coordinate('transaction', id, send),
    )
  }

  async #init(connection: Connection, producerId: number, epoch: number): Promise<ProducerId> {
    const response = await request(
      connection,
      initProducerIdV4.api,
      this.#id,
      this.#timeoutMs,
      BigInt(producerId),
      epoch,
    )
    expectOk(response.errorCode, 'init producer id')
    return { producerId: Number(response.producerId), epoch: response.producerEpoch }
  }

  /** `disturbed`, where given, is done before another attempt when the coordinator was away. */
  addPartitions(
    { producerId, epoch }: ProducerId,
    partitions: readonly TopicPartition[],
    disturbed?: () => Promise<void>,
  ): Promise<void> {
    const topics = Array.from(
      Map.groupBy(partitions, (p) => p.topic),
      ([name, ofTopic]) => ({ name, partitions: ofTopic.map((p) => p.partition) }),
    )
    const send = async (connection: Connection, transactionalId: string): Promise<void> => {
      const response = await request(connection, addPartitionsToTxnV3.api, [
        { transactionalId, producerId: BigInt(producerId), producerEpoch: epoch, verifyOnly: false, topics },
      ])
      let refused: ServerError | undefined
      for (const { topicResults } of response.resultsByTransaction) {
        for (const { name, resultsByPartition } of topicResults) {
          for (const { partitionIndex, partitionErrorCode } of resultsByPartition) {
            if (partitionErrorCode === 0) continue
            const error = new ServerError(partitionErrorCode, `add topic ${name} partition ${partitionIndex}`)
            // One bad partition stops the others; theirs says only that.
            if (refused === undefined || refused.code === code.OPERATION_NOT_ATTEMPTED) refused = error
          }
        }
      }
      if (refused !== undefined) throw refused
    }
    return this.#ask('the transaction cannot be begun', send, disturbed)
  }

  /** Makes the offsets of the group part of the transaction. For `disturbed` see `addPartitions`. */
  addOffsets({ producerId, epoch }: ProducerId, group: string, disturbed?: () => Promise<void>): Promise<void> {
    const send = async (connection: Connection, id: string): Promise<void> => {
      const response = await request(connection, addOffsetsToTxnV3.api, id, BigInt(producerId), epoch, group)
      expectOk(response.errorCode, 'add offsets to transaction')
    }
    return this.#ask(cannotCommit(group), send, disturbed)
  }

  /** After `addOffsets`. */
  async commitOffsets(
    { producerId, epoch }: ProducerId,
    group: string,
    offsets: readonly OffsetCommit[],
  ): Promise<void> {
    const topics = offsetTopics(offsets)
    const id = this.#id ?? ''
    await this.#retry(cannotCommit(group), this.#cluster.settings.deliveryTimeoutMs, () =>
      this.#cluster.coordinate('group', group, async (connection) => {
        const response = await request(
          connection,
          txnOffsetCommitV3.api,
          id,
          group,
          BigInt(producerId),
          epoch,
          noGeneration,
          noMember,
          null,
          topics,
        )
        for (const { name, partitions } of response.topics) {
          for (const { partitionIndex, errorCode } of partitions) {
            expectOk(errorCode, `offset of topic ${name} partition ${partitionIndex}`)
          }
        }
      }),
    )
  }

  end({ producerId, epoch }: ProducerId, isCommit: boolean): Promise<void> {
    const what = `the transaction cannot be ${isCommit ? 'committed' : 'aborted'}`
    return this.#ask(what, async (connection, id) => {
      const response = await request(connection, endTxnV3.api, id, BigInt(producerId), epoch, isCommit)
      expectOk(response.errorCode, 'end transaction')
    })
  }

  /** Resolves when the end of the last transaction has been written to all its partitions: only then do readers see it. */
  written(): Promise<void> {
    return this.#ask('the end of the transaction is not known to be written', async (connection, id) => {
      const state = await describeState(connection, id)
      if (state?.startsWith('Prepare')) throw new ServerError(code.CONCURRENT_TRANSACTIONS, 'describe transactions')
    })
  }

  #ask(
    what: string,
    send: (connection: Connection, transactionalId: string) => Promise<void>,
    disturbed?: () => Promise<void>,
  ): Promise<void> {
    const id = this.#id ?? ''
    let isDisturbed = false
    return this.#retry(what, this.#cluster.settings.deliveryTimeoutMs, async () => {
      if (isDisturbed) await disturbed?.()
      try {
        await this.#cluster.coordinate('transaction', id, (connection) => send(connection, id))
      } catch (error) {
        isDisturbed ||= isStaleCoordinator(error)
        throw error
      }
    })
  }

  #retry<T>(what: string, timeoutMs: number, attempt: () => Promise<T>): Promise<T> {
    const named = this.#id === null ? what : `${what} (transactional id ${this.#id})`
    return retry({ clock: this.#cluster.clock, what: named, timeoutMs, firstDelayMs }, attempt)
  }
}

function cannotCommit(group: string): string {
  return `the offsets of group ${group} cannot be committed`
}

/** The coordinator's word for the state of the id's last transaction, or undefined when it knows of none. */
async function describeState(connection: Connection, id: string): Promise<string | undefined> {
  const { transactionStates } = await request(connection, describeTransactionsV0.api, [id])
  const [found] = transactionStates
  if (found === undefined || found.errorCode === code.TRANSACTIONAL_ID_NOT_FOUND) return undefined
  expectOk(found.errorCode, 'describe transactions')
  return found.transactionState
}

const outcomes = new Map<string | undefined, Outcome>([
  ['CompleteCommit', 'commit'],
  ['CompleteAbort', 'abort'],
])
