import {
  addOffsetsToTxnV3,
  addPartitionsToTxnV3,
  type Connection,
  endTxnV3,
  initProducerIdV4,
  txnOffsetCommitV3,
} from '@platformatic/kafka'
import type { OffsetCommit, TopicPartition } from '../log.ts'
import type { Cluster } from './cluster.ts'
import { request } from './connections.ts'
import { offsetTopics } from './offset-topics.ts'
import { retry } from './retry.ts'
import { code, expectOk, ServerError } from './server-error.ts'

export interface ProducerId {
  readonly producerId: number
  readonly epoch: number
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
 * The versions are those before the second protocol of transactions (KIP-890): every server from 2.8 on knows them, and
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

  /**
   * Takes the id over: fences who had it and aborts what is open. With `current` it only moves on to the next epoch,
   * which is refused when somebody else took the id over meanwhile.
   */
  init(current?: ProducerId): Promise<ProducerId> {
    const id = this.#id
    const producerId = BigInt(current?.producerId ?? -1)
    const epoch = current?.epoch ?? -1
    return this.#retry('the writer cannot be initialised', this.#cluster.settings.retryTimeoutMs, async () => {
      const send = async (connection: Connection): Promise<ProducerId> => {
        const response = await request(connection, initProducerIdV4.api, id, this.#timeoutMs, producerId, epoch)
        expectOk(response.errorCode, 'init producer id')
        return { producerId: Number(response.producerId), epoch: response.producerEpoch }
      }
      return id === null ? send(await this.#cluster.any()) : this.#cluster.coordinate('transaction', id, send)
    })
  }

  addPartitions({ producerId, epoch }: ProducerId, partitions: readonly TopicPartition[]): Promise<void> {
    const topics = Array.from(
      Map.groupBy(partitions, (p) => p.topic),
      ([name, ofTopic]) => ({ name, partitions: ofTopic.map((p) => p.partition) }),
    )
    return this.#ask('the transaction cannot be begun', async (connection, transactionalId) => {
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
    })
  }

  async commitOffsets(
    { producerId, epoch }: ProducerId,
    group: string,
    offsets: readonly OffsetCommit[],
  ): Promise<void> {
    const what = `the offsets of group ${group} cannot be committed`
    await this.#ask(what, async (connection, id) => {
      const response = await request(connection, addOffsetsToTxnV3.api, id, BigInt(producerId), epoch, group)
      expectOk(response.errorCode, 'add offsets to transaction')
    })
    const topics = offsetTopics(offsets)
    const id = this.#id ?? ''
    await this.#retry(what, this.#cluster.settings.deliveryTimeoutMs, () =>
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

  #ask(what: string, send: (connection: Connection, transactionalId: string) => Promise<void>): Promise<void> {
    const id = this.#id ?? ''
    return this.#retry(what, this.#cluster.settings.deliveryTimeoutMs, () =>
      this.#cluster.coordinate('transaction', id, (connection) => send(connection, id)),
    )
  }

  #retry<T>(what: string, timeoutMs: number, attempt: () => Promise<T>): Promise<T> {
    const named = this.#id === null ? what : `${what} (transactional id ${this.#id})`
    return retry({ clock: this.#cluster.clock, what: named, timeoutMs, firstDelayMs }, attempt)
  }
}
