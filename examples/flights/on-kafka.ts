import { kafka, redis, silentLogger } from '@millrace/core'
import { systemClock } from '@millrace/core/spi'
import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { readAll, settled, writeAll } from '../log-access.ts'
import { airportDaysOf, isSameResult } from './direct.ts'
import { type AirportDay, airportDayJson, type Flight, flightJson, topics } from './flights.ts'
import { airportDelays } from './job.ts'

export interface FlightsResult {
  readonly flights: number
  readonly rows: number
  /** Whether the job's rows are those of the direct computation. */
  readonly identical: boolean
  readonly loadMs: number
  readonly jobMs: number
  readonly output: readonly AirportDay[]
}

const PARTITIONS = 4

/** Loads the flights into a topic of a real Kafka in the order in which they left, runs the job, and compares. */
export async function runOnKafka(flights: readonly Flight[]): Promise<FlightsResult> {
  await using server = await KafkaServer.start()
  await using state = await RedisServer.start()
  const log = kafka({ brokers: server.brokers }).create({ clock: systemClock, logger: silentLogger })
  await log.connect()
  try {
    // The flights are of the year 2001, and Kafka deletes by record time.
    await log.createTopics(
      Object.values(topics).map((name) => ({ name, partitions: PARTITIONS, config: { 'retention.ms': '-1' } })),
    )
    const startedAt = Date.now()
    await writeAll(log, topics.flights, flights, flightJson, ({ origin, scheduled }) => ({
      partition: (origin.charCodeAt(0) + origin.charCodeAt(1) + origin.charCodeAt(2)) % PARTITIONS,
      timestamp: scheduled,
    }))
    const loadMs = Date.now() - startedAt
    const { durationMs: jobMs } = await airportDelays.run({
      log: kafka({ brokers: server.brokers }),
      state: redis({ url: state.url }),
    })
    await settled(log, [topics.delays], PARTITIONS)
    const output = await readAll(log, topics.delays, PARTITIONS, airportDayJson)
    const identical = isSameResult(output, airportDaysOf(flights))
    return { flights: flights.length, rows: output.length, identical, loadMs, jobMs, output }
  } finally {
    await log.close()
  }
}
