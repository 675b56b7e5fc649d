import { Kafka, logLevel } from 'kafkajs'
import { expect, it } from 'vitest'
import { KafkaCluster } from '../../src/index.ts'

it('a Kafka cluster takes and gives records while any one of its nodes is away', async () => {
  await using cluster = await KafkaCluster.start()
  expect(cluster.nodes).toHaveLength(3)
  await cluster.createTopic('orders', { partitions: 3 })
  const client = new Kafka({ brokers: cluster.brokers, logLevel: logLevel.NOTHING, retry: { retries: 30 } })
  const producer = client.producer()
  await producer.connect()
  const send = (value: string): Promise<unknown> =>
    producer.send({ topic: 'orders', acks: -1, messages: [0, 1, 2].map((partition) => ({ partition, value })) })
  await send('all there')
  const leader = await cluster.leaderOf('orders', 0)
  await leader.kill()
  await send('one away')
  expect(await cluster.leaderOf('orders', 0)).not.toBe(leader)
  await leader.restart()
  await cluster.ready()
  await send('all back')
  await producer.disconnect()
  const admin = client.admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets('orders')
  await admin.disconnect()
  expect(offsets.map(({ high }) => high)).toEqual(['3', '3', '3'])
})

it('has no less than three nodes', async () => {
  await expect(KafkaCluster.start({ nodes: 2 })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
})
