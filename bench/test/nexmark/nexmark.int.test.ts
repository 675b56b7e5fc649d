import { kafka, silentLogger } from '@millrace/core'
import { type Log, systemClock } from '@millrace/core/spi'
import { KafkaServer } from '@millrace/testcontainers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { NexmarkEvents } from '../../nexmark/generator.ts'
import { loadEvents } from '../../nexmark/load.ts'
import { millrace } from '../../nexmark/millrace.ts'
import { benchNexmark, type NexmarkBenchOptions } from '../../nexmark/nexmark.ts'
import { queryNames } from '../../nexmark/queries/index.ts'

let server: KafkaServer
let log: Log
let options: NexmarkBenchOptions

beforeAll(async () => {
  server = await KafkaServer.start()
  log = kafka({ brokers: server.brokers }).create({ clock: systemClock, logger: silentLogger })
  await log.connect()
  options = {
    rounds: 1,
    events: 20_000,
    queries: null,
    parallelism: [2],
    systems: [millrace],
    peerEvents: null,
    slow: [],
    brokers: server.brokers.join(','),
    topic: 'nexmark',
    latency: false,
  }
})

afterAll(async () => {
  await log?.close()
  await server?.stop()
})

it('runs every query on threads from Kafka to Kafka, and finds its committed rows right', async () => {
  const { runs } = await benchNexmark(options, () => {})
  expect(runs.map(({ query }) => query)).toEqual(queryNames)
  for (const { measure, difference } of runs) {
    expect(measure?.eventsPerSecond).toBeGreaterThan(0)
    expect(difference).toMatchObject({ missing: 0, extra: 0 })
  }
})

it('fails when rows are not those that its events give', async () => {
  const others = new NexmarkEvents(2_000, { seed: 43, ratePerSecond: 10_000, startMs: 1_700_000_000_000 })
  await loadEvents(log, 'others-2000', 4, others)
  const wrong = benchNexmark({ ...options, events: 2_000, queries: ['q0'], topic: 'others' }, () => {})
  await expect(wrong).rejects.toThrow('q0 gave wrong rows: of 1,840 1,840 are missing, and 1,840 are too many.')
})

it('refuses a topic with another number of events, and options that cannot be', async () => {
  await loadEvents(log, 'short-3000', 4, new NexmarkEvents(10, { seed: 1, ratePerSecond: 1, startMs: 0 }))
  const bench = (changes: Partial<NexmarkBenchOptions>) => benchNexmark({ ...options, ...changes }, () => {})
  await expect(bench({ events: 3_000, topic: 'short' })).rejects.toThrow('Topic short-3000 holds 10 events')
  await expect(bench({ queries: ['q6'] })).rejects.toThrow('There is no query q6')
  await expect(bench({ parallelism: [0] })).rejects.toThrow('--parallelism must be a whole number from 1')
  await expect(bench({ slow: ['storm:q5'] })).rejects.toThrow('--slow names a system and a query')
})
