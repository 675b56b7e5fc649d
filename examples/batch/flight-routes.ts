import type { DataSet } from '@millrace/core'
import type { Flight } from '../flights/flights.ts'

export interface RouteDelay {
  readonly origin: string
  readonly destination: string
  readonly flights: number
  readonly meanDelay: number
  readonly longest: number
}

/** Flights and delays of each route, those with the longest mean delay first. */
export function routeDelays(flights: DataSet<Flight>): DataSet<RouteDelay> {
  return flights
    .groupBy(({ origin, destination }) => [origin, destination] as const)
    .aggregate(
      {
        create: () => ({ flights: 0, sum: 0, longest: Number.NEGATIVE_INFINITY }),
        add: (held, { delay }: Flight) => ({
          flights: held.flights + 1,
          sum: held.sum + delay,
          longest: Math.max(held.longest, delay),
        }),
        merge: (left, right) => ({
          flights: left.flights + right.flights,
          sum: left.sum + right.sum,
          longest: Math.max(left.longest, right.longest),
        }),
        result: (held) => held,
      },
      ({ flights, sum, longest }, [origin, destination]): RouteDelay => ({
        origin,
        destination,
        flights,
        meanDelay: sum / flights,
        longest,
      }),
    )
    .sort({ by: 'meanDelay', order: 'descending' }, 'origin', 'destination')
}

export interface AirportRoutes {
  readonly airport: string
  readonly destinations: number
  readonly origins: number
  /** Routes that are flown from here but not back. */
  readonly oneWay: number
}

/** The degrees of each airport in the graph of routes. */
export function airportRoutes(flights: DataSet<Flight>): DataSet<AirportRoutes> {
  const routes = flights.project('origin', 'destination').distinct()
  const oneWay = routes
    .coGroup(
      routes,
      {
        key: ({ origin, destination }) => [origin, destination],
        by: ({ origin, destination }) => [destination, origin],
      },
      (there, back) => ([...back].length === 0 ? there : []),
    )
    .groupBy('origin')
    .count()
  return routes
    .groupBy('origin')
    .count()
    .join(
      routes.groupBy('destination').count(),
      { key: ([airport]) => airport, by: ([airport]) => airport, type: 'full' },
      (from, to) => ({
        airport: from?.[0] ?? to?.[0] ?? '',
        destinations: from?.[1] ?? 0,
        origins: to?.[1] ?? 0,
      }),
    )
    .join(oneWay, { key: 'airport', by: ([airport]) => airport, type: 'left' }, (airport, own) => ({
      ...airport,
      oneWay: own?.[1] ?? 0,
    }))
}
