import { KafkaServer } from '@millrace/testcontainers'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { job, json, kafka, silentLogger } from '../../src/index.ts'
import { until, WAIT_MS } from '../contract/log-contract/fixture.ts'

let broker: KafkaServer
beforeAll(async () => {
  broker = await KafkaServer.start()
})
afterAll(() => broker?.stop())

it('a Kafka topic that gets more partitions is read in all of them', { timeout: WAIT_MS * 3 }, async () => {
  const client = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING })
  const admin = client.admin()
  const producer = client.producer()
  await Promise.all([admin.connect(), producer.connect()])
  await admin.createTopics({ topics: [{ topic: 'words', numPartitions: 1 }], waitForLeaders: true })
  const read: string[] = []
  const handle = job('words', (env) => void env.topic('words', json<string>()).collect(read)).start({
    log: kafka({ brokers: broker.brokers }),
    epochInterval: 50,
    splitDiscovery: 200,
    allowVolatileState: true,
    logger: silentLogger,
  })
  await producer.send({ topic: 'words', messages: [{ value: '"a"', partition: 0 }] })
  await until('the first is read', () => read.length === 1)
  await admin.createPartitions({ topicPartitions: [{ topic: 'words', count: 3 }] })
  // The answer does not mean that the broker shows them yet, and kafkajs drops what it finds no partition for, silently.
  await until('the broker shows the partitions', async () => {
    const { topics } = await admin.fetchTopicMetadata({ topics: ['words'] })
    return topics[0]?.partitions.length === 3
  })
  const later = client.producer()
  await later.connect()
  // One by one: where one of several partitions has no leader yet, kafkajs sends all of them again.
  for (const [partition, value] of [
    [1, '"b"'],
    [2, '"c"'],
  ] as const) {
    const written = await later.send({ topic: 'words', messages: [{ value, partition }] })
    expect(written).toMatchObject([{ partition, errorCode: 0 }])
  }
  await until('all are read', () => read.length === 3)
  await handle.stop()
  await Promise.all([admin.disconnect(), producer.disconnect(), later.disconnect()])
  expect(read.toSorted()).toEqual(['a', 'b', 'c'])
})
