import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kafka, redis, silentLogger } from '../../src/index.ts'
import type { Log } from '../../src/log/log.ts'
import { systemClock } from '../../src/time/clock.ts'
import { windowPages } from './window-cache.ts'

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

it('windows of ten times more keys than the cache hold all of them in Redis', { timeout: 120_000 }, async () => {
  for (const parallelism of [1, 2]) {
    const { rows, expected } = await windowPages(log, `windows-${parallelism}`, {
      log: kafka({ brokers: broker.brokers }),
      state: redis({ url: store.url }),
      parallelism,
    })
    expect(rows, `parallelism ${parallelism}`).toEqual(expected)
  }
})
