import { KafkaServer } from '@millrace/testcontainers'
import { describeTransactionsV0, txnOffsetCommitV3 } from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Cluster } from '../../../src/log/kafka/cluster.ts'
import { request } from '../../../src/log/kafka/connections.ts'
import { kafka } from '../../../src/log/kafka/index.ts'
import { offsetTopics } from '../../../src/log/kafka/offset-topics.ts'
import { kafkaSettings } from '../../../src/log/kafka/options.ts'
import { produceBatches } from '../../../src/log/kafka/produce-request.ts'
import { BatchBuilder } from '../../../src/log/kafka/record-batch/batch-builder.ts'
import { DisconnectedError, ServerError } from '../../../src/log/kafka/server-error.ts'
import { type ProducerId, TransactionRequests } from '../../../src/log/kafka/transaction.ts'
import { KafkaWriter } from '../../../src/log/kafka/writer.ts'
import type { Log, OffsetCommit } from '../../../src/log/log.ts'
import { silentLogger } from '../../../src/metrics/logger.ts'
import { ByteWriter } from '../../../src/serde/byte-writer.ts'
import { systemClock } from '../../../src/time/clock.ts'
import {
  allPartitions,
  appendText,
  bytes,
  commitSealed,
  openWriter,
  readCommitted,
  unique,
  until,
  writePlain,
} from '../../contract/log-contract/fixture.ts'

const transactionTimeoutMs = 60_000

let server: KafkaServer
let log: Log
let cluster: Cluster
beforeAll(async () => {
  // Only without this check can a test leave what a lost end leaves: records and offsets of a transaction that has ended.
  server = await KafkaServer.start({ properties: { 'transaction.partition.verification.enable': 'false' } })
  const options = { brokers: server.brokers, retryTimeoutMs: 1_500 }
  log = kafka(options).create({ clock: systemClock, logger: silentLogger })
  cluster = new Cluster(kafkaSettings(options), systemClock)
  await Promise.all([log.connect(), cluster.connect()])
  // A server creates the topic of the offsets when it is first asked for some.
  await log.committed(unique('group'), [{ topic: await newTopic(1), partition: 0 }])
})
afterAll(async () => {
  await Promise.all([log?.close(), cluster?.close()])
  await server?.stop()
})

async function newTopic(partitions: number): Promise<string> {
  const name = unique('topic')
  await log.createTopics([{ name, partitions }])
  return name
}

async function described(transactionalId: string): Promise<{ state: string; identity: ProducerId }> {
  return await cluster.coordinate('transaction', transactionalId, async (connection) => {
    const { transactionStates } = await request(connection, describeTransactionsV0.api, [transactionalId])
    const { transactionState: state = '', producerId = -1n, producerEpoch: epoch = -1 } = transactionStates[0] ?? {}
    return { state, identity: { producerId: Number(producerId), epoch } }
  })
}

/** A record that is part of a transaction of this producer, whatever the coordinator knows of it. */
async function writeRecord(id: string, { producerId, epoch }: ProducerId, topic: string, value: string): Promise<void> {
  const builder = new BatchBuilder(new ByteWriter())
  builder.appendBytes(Date.now(), null, bytes(value), undefined)
  const wire = builder.finish({ producerId, epoch, transactional: true }, 0)
  const [leader] = [...(await cluster.byLeader([{ topic, partition: 0 }])).keys()]
  const topics = new Map([[topic, [{ partition: 0, bytes: wire }]]])
  const connection = await cluster.dataConnection(leader as number, 'test')
  const [answer] = await produceBatches(connection, { transactionalId: id, timeoutMs: 5_000, topics })
  expect(answer?.errorCode).toBe(0)
}

/** Offsets that are part of a transaction of this producer, whatever the coordinator knows of it. */
async function writeOffsets(id: string, producer: ProducerId, group: string, offsets: OffsetCommit[]): Promise<void> {
  const { producerId, epoch } = producer
  await cluster.coordinate('group', group, async (connection) => {
    const topics = offsetTopics(offsets)
    const answer = await request(
      connection,
      txnOffsetCommitV3.api,
      ...([id, group, BigInt(producerId), epoch, -1, '', null, topics] as const),
    )
    expect(answer.topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))).toEqual([0])
  })
}

describe('a transaction whose end the servers have lost', () => {
  it.each([
    ['committed', true],
    ['aborted', false],
  ] as const)('that was %s is ended again, by the next owner of the id', async (_, isCommit) => {
    const [input, output, id, group] = [await newTopic(1), await newTopic(1), unique('writer'), unique('group')]
    const requests = new TransactionRequests(cluster, id, transactionTimeoutMs)
    const { identity, former } = await requests.takeOver()
    expect(former).toBeUndefined()
    await requests.addPartitions(identity, [{ topic: output, partition: 0 }])
    await requests.end(identity, isCommit)
    await until('the transaction is complete', async () => (await described(id)).state.startsWith('Complete'))
    await writeRecord(id, identity, output, 'undecided')
    await writeOffsets(id, identity, group, [{ topic: input, partition: 0, offset: 7, metadata: 'm' }])
    await writePlain(log, output, ['plain'])

    const inputs = [{ topic: input, partition: 0 }]
    await expect(log.committed(group, inputs)).rejects.toThrow('UNSTABLE_OFFSET_COMMIT')
    expect((await readCommitted(log, output)).values()).toEqual([])
    const writer = await openWriter(log, { transactionalId: id })
    const committed = await writer.committed(group, inputs, [output])
    expect(committed).toEqual([isCommit ? { offset: 7, metadata: 'm' } : null])
    expect(await log.committed(group, inputs)).toEqual(committed)
    await until('the records are decided', async () => {
      const [end = 0] = await log.offsets([{ topic: output, partition: 0 }], 'latest')
      return end > 2
    })
    expect((await readCommitted(log, output)).values()).toEqual(isCommit ? ['undecided', 'plain'] : ['plain'])
    await writer.close()
  })

  it('is not guessed: a writer that has no transaction behind it waits for whoever has one', async () => {
    const [input, id, group] = [await newTopic(1), unique('writer'), unique('group')]
    const other = new TransactionRequests(cluster, id, transactionTimeoutMs)
    const { identity } = await other.takeOver()
    await other.addOffsets(identity, group)
    await other.commitOffsets(identity, group, [{ topic: input, partition: 0, offset: 3, metadata: '' }])
    const writer = await openWriter(log, { transactionalId: unique('writer') })
    const inputs = [{ topic: input, partition: 0 }]
    await expect(writer.committed(group, inputs, [])).rejects.toThrow('UNSTABLE_OFFSET_COMMIT')
    await other.end(identity, true)
    expect(await writer.committed(group, inputs, [])).toEqual([{ offset: 3, metadata: '' }])
    await writer.close()
  })

  it('is ended again by its owner, when the coordinator was away before the next one began', async () => {
    const [input, output, id, group] = [await newTopic(2), await newTopic(1), unique('writer'), unique('group')]
    const flaky = new FlakyCluster(cluster.settings, systemClock)
    await flaky.connect()
    const writer = new KafkaWriter(
      flaky,
      silentLogger,
      { transactionalId: id, transactionTimeoutMs, maxBufferedBytes: 1 << 20, onAvailable: () => undefined },
      'writer',
      () => undefined,
    )
    await writer.init()
    const records = await writer.output(output)
    appendText(records, 'a')
    writer.seal()
    await writer.commit(group, [{ topic: input, partition: 0, offset: 1, metadata: '' }])
    await until('the transaction is complete', async () => (await described(id)).state === 'CompleteCommit')
    const lost = [{ topic: input, partition: 1, offset: 5, metadata: '' }]
    await writeOffsets(id, (await described(id)).identity, group, lost)

    flaky.failures = 2
    appendText(records, 'b')
    writer.seal()
    await writer.flush()
    expect(flaky.failures).toBe(0)
    await writer.abort()
    const inputs = [0, 1].map((partition) => ({ topic: input, partition }))
    expect((await log.committed(group, inputs)).map((entry) => entry?.offset)).toEqual([1, 5])
    expect((await readCommitted(log, output)).values()).toEqual(['a'])
    await writer.close()
    await flaky.close()
  })
})

describe('a writer that is closed', () => {
  it('has made everything visible that it had committed', async () => {
    const [output, partitions] = [await newTopic(40), 40]
    const all = allPartitions(output, partitions)
    for (let round = 1; round <= 10; round++) {
      const writer = await openWriter(log, { transactionalId: unique('writer') })
      const records = await writer.output(output)
      for (const { partition } of all) appendText(records, `${round}`, partition)
      await commitSealed(writer)
      await writer.close()
      // A record and the end of its transaction in each round.
      expect(await log.offsets(all, 'latest')).toEqual(new Array(partitions).fill(2 * round))
    }
  })
})

/** Loses the connection to the coordinator of transactions some times. */
class FlakyCluster extends Cluster {
  failures = 0

  override async coordinate<T>(...args: Parameters<typeof Cluster.prototype.coordinate<T>>): Promise<T> {
    if (args[0] !== 'transaction' || this.failures === 0) return await super.coordinate(...args)
    this.failures--
    if (this.failures % 2 === 0) throw new ServerError(14, 'test')
    throw new DisconnectedError('the server', new Error('test'))
  }
}
