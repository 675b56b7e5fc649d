import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kafka, redis, silentLogger } from '../../src/index.ts'
import type { Log } from '../../src/log/log.ts'
import { systemClock } from '../../src/time/clock.ts'
import { readCommitted, until } from '../contract/log-contract/fixture.ts'
import { stagedJob, stagedOutcome } from './staged.ts'

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

describe('signals', () => {
  it.each([1, 2])(
    'through exchanges on Kafka, over stops of the job (parallelism %i)',
    { timeout: 60_000 },
    async (parallelism) => {
      const name = `staged-${parallelism}`
      await log.createTopics([{ name: `${name}-out`, partitions: 2 }])
      const job = stagedJob(name)
      const run = {
        log: kafka({ brokers: broker.brokers }),
        state: redis({ url: store.url }),
        parallelism,
        epochInterval: 10,
        logger: silentLogger,
      }
      const lines = async (): Promise<string[]> => {
        const { seen } = await readCommitted(log, `${name}-out`, 2)
        return seen.map(({ value }) => JSON.parse(value as string) as string)
      }
      const expected = stagedOutcome(parallelism)
      // Stops in the middle of the stages, and wherever the later ones come to lie.
      for (const part of [0.2, 0.5]) {
        const handle = job.start(run)
        await until('some of it is there', async () => (await lines()).length >= expected.length * part)
        await handle.stop()
      }
      await job.run(run)
      expect((await lines()).sort()).toEqual(expected)
    },
  )
})
