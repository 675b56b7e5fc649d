import { type Job, job, tumbling, watermarks } from '@millrace/core'
import { airportDay, airportDayJson, DAY_MS, flightJson, MOST_OUT_OF_ORDER_MS, topics } from './flights.ts'

/** Departures and mean delay of each airport, day by day, though flights are known only when they have left. */
export const airportDelays: Job = job('airport-delays', (env) => {
  env
    .topic(topics.flights, flightJson, {
      time: watermarks.bounded(MOST_OUT_OF_ORDER_MS, (flight) => flight.scheduled),
      bounded: true,
    })
    .keyBy((flight) => flight.origin)
    .window(tumbling(DAY_MS))
    .aggregate(
      {
        // Whole minutes: the sum does not depend on the order of arrival.
        create: () => ({ departures: 0, delay: 0 }),
        add: ({ departures, delay }, flight) => ({ departures: departures + 1, delay: delay + flight.delay }),
        result: (held) => held,
      },
      ({ departures, delay }, { key, window }) => airportDay(key, window.start, departures, delay),
    )
    .toTopic(topics.delays, airportDayJson, { key: (row) => row.airport })
})

export default airportDelays
