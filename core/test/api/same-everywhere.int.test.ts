import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kafka, memoryLog, redis, silentLogger } from '../../src/index.ts'
import type { Log } from '../../src/log/log.ts'
import { systemClock } from '../../src/time/clock.ts'
import { runEverything } from './same-everywhere.ts'

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

it('a job with windows, joins, timers and rules says the same on Kafka and Redis as in memory', {
  timeout: 180_000,
}, async () => {
  const provider = memoryLog()
  const memory = provider.create({ clock: systemClock, logger: silentLogger })
  await memory.connect()
  const expected = await runEverything(memory, { name: 'memory', bounded: true, run: { log: provider } }, null)
  await memory.close()
  for (const bounded of [true, false]) {
    for (const parallelism of [1, 2, 4]) {
      const name = `${bounded ? 'bounded' : 'unbounded'}-${parallelism}`
      const run = { log: kafka({ brokers: broker.brokers }), state: redis({ url: store.url }), parallelism }
      expect(await runEverything(log, { name, bounded, run }, expected.length), name).toEqual(expected)
    }
  }
})
