import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KafkaServer } from '../../src/index.ts'
import { isAlive } from '../../src/process-table.ts'

const quiet = { logLevel: logLevel.NOTHING, retry: { retries: 20, initialRetryTime: 50, maxRetryTime: 500 } }

async function produce(client: Kafka, topic: string, values: string[]): Promise<void> {
  const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  await producer.send({ topic, acks: -1, messages: values.map((value) => ({ value, partition: 0 })) })
  await producer.disconnect()
}

async function consume(client: Kafka, topic: string, count: number): Promise<string[]> {
  const consumer = client.consumer({ groupId: `group-${topic}-${count}` })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const values: string[] = []
  await new Promise<void>((resolve, reject) => {
    const eachMessage = async ({ message }: { message: { value: Buffer | null } }): Promise<void> => {
      values.push(String(message.value))
      if (values.length === count) resolve()
    }
    consumer.run({ eachMessage }).catch(reject)
  })
  await consumer.disconnect()
  return values
}

describe('KafkaServer', () => {
  let server: KafkaServer
  let client: Kafka
  beforeAll(async () => {
    server = await KafkaServer.start({ provider: 'native', properties: { 'message.max.bytes': 2_000_000 } })
    client = new Kafka({ brokers: server.brokers, ...quiet })
  })
  afterAll(() => server.stop())

  it('creates topics with partitions and settings, and says why it cannot', async () => {
    await server.createTopic('shaped', { partitions: 3, config: { 'cleanup.policy': 'compact' } })
    const admin = client.admin()
    await admin.connect()
    const { topics } = await admin.fetchTopicMetadata({ topics: ['shaped'] })
    expect(topics[0]?.partitions).toHaveLength(3)
    await admin.disconnect()
    await expect(server.createTopic('shaped')).rejects.toMatchObject({ code: 'REQUEST_FAILED' })
    await expect(server.createTopic('bad', { config: { nonsense: 1 } })).rejects.toThrow('nonsense')
  })

  it('keeps its address and its data over a kill and a restart', async () => {
    await server.createTopic('kept')
    await produce(client, 'kept', ['a', 'b'])
    const { pid } = server
    await server.kill()
    expect(pid !== undefined && isAlive(pid)).toBe(false)
    await server.restart()
    await produce(client, 'kept', ['c'])
    expect(await consume(client, 'kept', 3)).toEqual(['a', 'b', 'c'])
  })

  it('does not answer while it is paused and answers when it is resumed', async () => {
    await server.pause()
    const created = server.createTopic('late').then(() => 'created')
    const other = new Promise((resolve) => setTimeout(resolve, 300, 'silent'))
    expect(await Promise.race([created, other])).toBe('silent')
    await server.resume()
    expect(await created).toBe('created')
  })

  it('shows its log', async () => {
    expect(await server.logs(5000)).toContain('Kafka Server started')
  })
})

it('asks for the user and the certificate it was started with, and keeps the password out of its log', async () => {
  const sasl = { username: 'alice', password: 'a"b\\c=d é' }
  await using server = await KafkaServer.start({ provider: 'native', sasl, tls: true })
  await server.createTopic('guarded')
  const ssl = { ca: [server.ca ?? ''] }
  const client = new Kafka({ brokers: server.brokers, ssl, sasl: { mechanism: 'plain', ...sasl }, ...quiet })
  await produce(client, 'guarded', ['a'])
  expect(await consume(client, 'guarded', 1)).toEqual(['a'])
  const wrong = { mechanism: 'plain', username: 'alice', password: 'wrong' } as const
  const stranger = new Kafka({ brokers: server.brokers, ssl, sasl: wrong, ...quiet }).admin()
  await expect(stranger.connect()).rejects.toThrow('Authentication failed')
  const log = await server.logs(10_000)
  expect([log.includes('KafkaConfig values'), log.includes('a"b')]).toEqual([true, false])
})

it('shows the end of the log when the broker cannot start', async () => {
  const start = KafkaServer.start({ provider: 'native', jvm: ['-XX:NoSuchFlag'] })
  await expect(start).rejects.toMatchObject({ code: 'SERVER_START_FAILED' })
  await expect(start).rejects.toThrow('NoSuchFlag')
})
