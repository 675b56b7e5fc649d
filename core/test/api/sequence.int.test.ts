import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kafka, redis, silentLogger } from '../../src/index.ts'
import type { Log } from '../../src/log/log.ts'
import { systemClock } from '../../src/time/clock.ts'
import { expectedOutcome, runSequence } from './sequence.ts'

let broker: KafkaServer
let store: RedisServer
let log: Log

beforeAll(async () => {
  ;[broker, store] = await Promise.all([KafkaServer.start(), RedisServer.start()])
  log = kafka({ brokers: broker.brokers }).create({ clock: systemClock, logger: silentLogger })
  await log.connect()
})
afterAll(async () => {
  await log?.close()
  await Promise.all([broker?.stop(), store?.stop()])
})

it.each([1, 2])(
  'a Kafka topic is read after its archive (parallelism %i)',
  { timeout: 60_000 },
  async (parallelism) => {
    const options = { log: kafka({ brokers: broker.brokers }), state: redis({ url: store.url }), parallelism }
    const outcome = await runSequence(log, `job-${parallelism}`, options)
    expect(outcome).toEqual(expectedOutcome())
  },
)
