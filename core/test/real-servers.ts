import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { afterAll, beforeAll } from 'vitest'
import { kafka, redis, silentLogger } from '../src/index.ts'
import type { Log } from '../src/log/log.ts'
import type { LogProvider } from '../src/log/provider.ts'
import type { StateProvider } from '../src/state/provider.ts'
import { systemClock } from '../src/time/clock.ts'

/** A Kafka and a Redis of a test file's own. */
export interface RealServers {
  /** Connected while tests run. */
  readonly log: Log
  readonly brokers: readonly string[]
  readonly redisUrl: string
  /** Options of a job that uses both. */
  providers(): { readonly log: LogProvider; readonly state: StateProvider }
}

/** Started before the first test of the file, and stopped after its last. */
export function realServers(): RealServers {
  let broker: KafkaServer | undefined
  let store: RedisServer | undefined
  let log: Log | undefined
  beforeAll(async () => {
    ;[broker, store] = await Promise.all([KafkaServer.start(), RedisServer.start()])
    log = kafka({ brokers: broker.brokers }).create({ clock: systemClock, logger: silentLogger })
    await log.connect()
  })
  afterAll(async () => {
    await log?.close()
    await Promise.all([broker?.stop(), store?.stop()])
  })
  const started = <T>(server: T | undefined): T => {
    if (server === undefined) throw new Error('The servers are there while tests run, not before.')
    return server
  }
  return {
    get log() {
      return started(log)
    },
    get brokers() {
      return started(broker).brokers
    },
    get redisUrl() {
      return started(store).url
    },
    providers: () => ({
      log: kafka({ brokers: started(broker).brokers }),
      state: redis({ url: started(store).url }),
    }),
  }
}
