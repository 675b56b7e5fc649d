import { parseArgs } from 'node:util'
import type { AirportDay } from './flights.ts'
import { runOnKafka } from './on-kafka.ts'
import { loadFlights } from './records.ts'

const usage = `Departures and mean delay of airports from real flight records, on real Kafka and Redis.

  node scripts/setup.mjs examples/flights/main.ts            three million flights of 2001
  node scripts/setup.mjs examples/flights/main.ts --small    twenty thousand
  … --json                                                   one JSON object as the last line
`

const { values } = parseArgs({
  options: {
    small: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(usage)
} else {
  const { output, ...result } = await runOnKafka(await loadFlights(values.small ? 'small' : 'large'))
  if (values.json) console.log(JSON.stringify(result))
  else {
    const { flights, rows, loadMs, jobMs, identical } = result
    const rate = Math.round((flights / jobMs) * 1000)
    console.log(
      `${flights.toLocaleString('en')} flights loaded in ${(loadMs / 1000).toFixed(1)} s, computed in ${(jobMs / 1000).toFixed(1)} s (${rate.toLocaleString('en')}/s), ${rows.toLocaleString('en')} rows\n`,
    )
    for (const line of worst(output)) console.log(line)
    console.log(`\n${identical ? 'The same as' : 'NOT the same as'} a direct computation over the file.`)
  }
  if (!result.identical) process.exitCode = 1
}

/** The ten airports with the longest mean delay over all days, among those with at least three departures a day. */
function worst(rows: readonly AirportDay[]): string[] {
  const airports = new Map<string, { days: number; departures: number; delay: number }>()
  for (const { airport, departures, meanDelay } of rows) {
    const held = airports.get(airport) ?? { days: 0, departures: 0, delay: 0 }
    held.days++
    held.departures += departures
    held.delay += departures * meanDelay
    airports.set(airport, held)
  }
  return [...airports]
    .filter(([, { days, departures }]) => departures >= 3 * days)
    .map(([airport, { departures, delay }]) => ({ airport, departures, mean: delay / departures }))
    .sort((a, b) => b.mean - a.mean)
    .slice(0, 10)
    .map(
      ({ airport, departures, mean }) =>
        `  ${airport}  ${mean.toFixed(1).padStart(6)} min  over ${departures.toLocaleString('en').padStart(8)} departures`,
    )
}
