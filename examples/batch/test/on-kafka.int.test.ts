import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jsonLines, readFiles, writeFiles } from '@millrace/connectors'
import { job, json, kafka, redis, silentLogger } from '@millrace/core'
import { systemClock } from '@millrace/core/spi'
import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Flight } from '../../flights/flights.ts'
import { flightJson } from '../../flights/flights.ts'
import { loadFlights } from '../../flights/records.ts'
import { readAll, writeAll } from '../../log-access.ts'
import { type AirportRoutes, airportRoutes, type RouteDelay, routeDelays } from '../flight-routes.ts'

let broker: KafkaServer
let store: RedisServer
const directory = mkdtempSync(join(tmpdir(), 'millrace-kafka-batch-'))

beforeAll(async () => {
  ;[broker, store] = await Promise.all([KafkaServer.start(), RedisServer.start()])
})
afterAll(async () => {
  rmSync(directory, { recursive: true, force: true })
  await Promise.all([broker?.stop(), store?.stop()])
})

it('a bounded topic is sorted, grouped and joined on Kafka and Redis, over its budget, into a topic and files', {
  timeout: 120_000,
}, async () => {
  const flights = await loadFlights('small')
  const log = kafka({ brokers: broker.brokers }).create({ clock: systemClock, logger: silentLogger })
  await log.connect()
  try {
    for (const parallelism of [1, 2]) {
      const topics = { flights: `flights-${parallelism}`, routes: `routes-${parallelism}` }
      await log.createTopics([
        { name: topics.flights, partitions: 2 },
        { name: topics.routes, partitions: 1 },
      ])
      await writeAll(log, topics.flights, flights, flightJson, ({ origin }) => ({
        partition: origin.charCodeAt(0) % 2,
        timestamp: 0,
      }))
      const files = join(directory, `routes-${parallelism}`)
      const { accumulators } = await job(`flights-batch-${parallelism}`, (env) => {
        const all = env.topic(topics.flights, json<Flight>(), { bounded: true }).bounded()
        routeDelays(all).stream().toTopic(topics.routes, json())
        airportRoutes(all).stream().to(writeFiles(files, jsonLines<AirportRoutes>()))
        all.counter('flights')
      }).run({
        log: kafka({ brokers: broker.brokers }),
        state: redis({ url: store.url }),
        parallelism,
        memoryBudget: 300_000,
        logger: silentLogger,
      })
      expect(accumulators).toEqual({ flights: flights.length })
      const rows = await readAll(log, topics.routes, 1, json<RouteDelay>())
      const groups = Map.groupBy(flights, ({ origin, destination }) => `${origin}-${destination}`)
      expect(rows).toHaveLength(groups.size)
      for (const { origin, destination, flights: count } of rows) {
        expect(count).toBe(groups.get(`${origin}-${destination}`)?.length)
      }
      const airports: AirportRoutes[] = []
      await job(
        'read',
        (env) => void env.source(readFiles(`${files}/*`, jsonLines<AirportRoutes>())).collect(airports),
      ).run()
      const routes = [...groups.keys()].map((route) => route.split('-'))
      expect(airports.map(({ airport }) => airport).toSorted()).toEqual([...new Set(routes.flat())].toSorted())
      for (const { airport, destinations } of airports) {
        expect(destinations).toBe(routes.filter(([from]) => from === airport).length)
      }
    }
  } finally {
    await log.close()
  }
})
