import { memoryLog, silentLogger } from '@millrace/core'
import { systemClock } from '@millrace/core/spi'
import { expect, it } from 'vitest'
import { readAll, writeAll } from '../../log-access.ts'
import { airportDaysOf, isSameResult } from '../direct.ts'
import { airportDayJson, flightJson, topics } from '../flights.ts'
import { airportDelays } from '../job.ts'
import { loadFlights } from '../records.ts'

it('twenty thousand flights, in the order in which they left, give what a direct computation gives', async () => {
  const flights = await loadFlights('small')
  expect(flights).toHaveLength(20_000)
  const times = flights.map((flight) => flight.scheduled)
  expect(times).not.toEqual(times.toSorted((a, b) => a - b))
  const provider = memoryLog()
  for (const topic of Object.values(topics)) provider.storage.createTopic(topic, 4)
  const log = provider.create({ clock: systemClock, logger: silentLogger })
  await writeAll(log, topics.flights, flights, flightJson, ({ origin, scheduled }) => ({
    partition: origin.charCodeAt(0) % 4,
    timestamp: scheduled,
  }))
  await airportDelays.run({ log: provider })
  const output = await readAll(log, topics.delays, 4, airportDayJson)
  expect(isSameResult(output, airportDaysOf(flights))).toBe(true)
  expect(isSameResult(output.slice(1), airportDaysOf(flights))).toBe(false)
})

it('the large file is read from zstd-compressed Parquet', async () => {
  const flights = await loadFlights('large', 5_000)
  expect(flights).toHaveLength(5_000)
  expect(flights.every(({ origin, scheduled }) => /^[A-Z]{3}$/.test(origin) && scheduled >= Date.UTC(2001, 0, 1))).toBe(
    true,
  )
})
