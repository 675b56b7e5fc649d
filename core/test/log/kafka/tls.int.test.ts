import { KafkaServer } from '@millrace/testcontainers'
import { expect, it } from 'vitest'
import { kafka, silentLogger } from '../../../src/index.ts'
import type { Log } from '../../../src/log/log.ts'
import { systemClock } from '../../../src/time/clock.ts'

const context = { clock: systemClock, logger: silentLogger }

/** Writes large numbered records and returns the numbers that come back. */
async function writtenAndRead(log: Log, topic: string, count: number): Promise<number[]> {
  const writer = log.createWriter({
    transactionalId: null,
    transactionTimeoutMs: 60_000,
    maxBufferedBytes: 1 << 24,
    onAvailable: () => {},
  })
  await writer.init()
  const output = await writer.output(topic)
  for (let n = 0; n < count; n++) output.appendBytes(0, n, null, Buffer.alloc(100_000, n))
  writer.seal()
  await writer.flush()
  await writer.close()
  let wake: () => void = () => {}
  const reader = log.createReader({ maxBufferedBytes: 1 << 24, onAvailable: () => wake() })
  reader.add([{ topic, partition: 0, offset: 0 }])
  const numbers: number[] = []
  while (numbers.length < count) {
    const batch = reader.take()
    if (batch === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
      continue
    }
    for (let at = 0; at < batch.count; at++) {
      const value = batch.buffer.subarray(batch.valueStarts[at], batch.valueEnds[at])
      const number = value[0] as number
      numbers.push(value.equals(Buffer.alloc(100_000, number)) ? number : -1)
    }
  }
  await reader.close()
  return numbers
}

it('connects over TLS with a user and a password, and says why when the authority is not trusted', async () => {
  await using server = await KafkaServer.start({ tls: true, sasl: { username: 'app', password: 'a secret' } })
  const sasl = { mechanism: 'plain', username: 'app', password: 'a secret' } as const
  const log = kafka({ brokers: server.brokers, ssl: { ca: server.ca as string }, sasl }).create(context)
  await log.connect()
  await log.createTopics([{ name: 'secure', partitions: 2 }])
  expect(await log.describeTopics(['secure'])).toEqual([{ name: 'secure', partitions: 2 }])
  expect(await writtenAndRead(log, 'secure', 50)).toEqual(Array.from({ length: 50 }, (_, n) => n))
  await log.close()

  const stranger = kafka({ brokers: server.brokers, ssl: true, sasl, connectTimeoutMs: 2_000 }).create(context)
  const failure = await stranger.connect().catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'CONNECTION_FAILED' })
  expect(String(failure)).not.toContain('a secret')
  await stranger.close()
})
