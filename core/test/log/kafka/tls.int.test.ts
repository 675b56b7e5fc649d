import { KafkaServer } from '@millrace/testcontainers'
import { expect, it } from 'vitest'
import { kafka, silentLogger } from '../../../src/index.ts'
import { systemClock } from '../../../src/time/clock.ts'

const context = { clock: systemClock, logger: silentLogger }

it('connects over TLS with a user and a password, and says why when the authority is not trusted', async () => {
  await using server = await KafkaServer.start({ tls: true, sasl: { username: 'app', password: 'a secret' } })
  const sasl = { mechanism: 'plain', username: 'app', password: 'a secret' } as const
  const log = kafka({ brokers: server.brokers, ssl: { ca: server.ca as string }, sasl }).create(context)
  await log.connect()
  await log.createTopics([{ name: 'secure', partitions: 2 }])
  expect(await log.describeTopics(['secure'])).toEqual([{ name: 'secure', partitions: 2 }])
  await log.close()

  const stranger = kafka({ brokers: server.brokers, ssl: true, sasl, connectTimeoutMs: 2_000 }).create(context)
  const failure = await stranger.connect().catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'CONNECTION_FAILED' })
  expect(String(failure)).not.toContain('a secret')
  await stranger.close()
})
