import { Kafka, logLevel } from 'kafkajs'

/** All committed records of a topic, read with another client than the one under test. */
export async function readCommitted<T>(brokers: readonly string[], topic: string): Promise<T[]> {
  const kafka = new Kafka({ brokers: [...brokers], clientId: 'verifier', logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  const ends = new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, BigInt(high)]))
  await admin.disconnect()
  const consumer = kafka.consumer({ groupId: `verify-${topic}-${Date.now()}`, readUncommitted: false })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const rows: T[] = []
  const waiting = new Set([...ends].filter(([, end]) => end > 0n).map(([partition]) => partition))
  await new Promise<void>((resolve, reject) => {
    consumer.on('consumer.crash', ({ payload }) => reject(payload.error))
    if (waiting.size === 0) resolve()
    consumer
      .run({
        eachBatchAutoResolve: true,
        eachBatch: async ({ batch }) => {
          for (const { value } of batch.messages) if (value !== null) rows.push(JSON.parse(value.toString()) as T)
          // The last offset counts markers and aborted records too, which are never handed out.
          if (BigInt(batch.lastOffset()) + 1n >= (ends.get(batch.partition) ?? 0n)) waiting.delete(batch.partition)
          if (waiting.size === 0) resolve()
        },
      })
      .catch(reject)
  })
  await consumer.disconnect()
  return rows
}
