import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kafka, redis, silentLogger } from '../../src/index.ts'
import type { Log } from '../../src/log/log.ts'
import { systemClock } from '../../src/time/clock.ts'
import { until } from '../contract/log-contract/fixture.ts'
import { declared, totals, whileSelling } from './state-view.ts'

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

it('the state of a job is read from another process through Redis, while it runs', { timeout: 60_000 }, async () => {
  const options = { log: kafka({ brokers: broker.brokers }), state: redis({ url: store.url }), parallelism: 2 }
  await whileSelling(log, 'shops', options, async ({ job }) => {
    const state = await job.openState({ ...options, logger: silentLogger })
    const view = state.of('totals', declared)
    await until('all is applied', async () => {
      const found = await view.getMany([...totals().keys()])
      return found.every((committed, at) => committed?.state.total.get() === [...totals().values()][at]?.total)
    })
    const found = await view.get('s7')
    expect(found?.epoch).toBeGreaterThan(0)
    expect(Object.fromEntries(found?.state.items.entries() ?? [])).toEqual(totals().get('s7')?.items)
    await state.close()
  })
})
