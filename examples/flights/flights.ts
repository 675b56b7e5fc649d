import { json } from '@millrace/core'

/** A departure. Times are milliseconds since the Unix epoch (of local time, read as UTC), delays are minutes. */
export interface Flight {
  readonly origin: string
  readonly destination: string
  readonly scheduled: number
  readonly delay: number
}

/** Departures of an airport on one day. */
export interface AirportDay {
  readonly airport: string
  readonly day: string
  readonly departures: number
  /** Minutes; negative where flights left early. */
  readonly meanDelay: number
}

export const topics = { flights: 'flights', delays: 'airport-delays' } as const
export const flightJson = json<Flight>()
export const airportDayJson = json<AirportDay>()

export const DAY_MS = 86_400_000

/**
 * A flight is known when it has left. It comes at most this long after others that were scheduled later: the longest delay
 * plus the most that one left early, over all records of both files (`loadFlights` checks it).
 */
export const MOST_OUT_OF_ORDER_MS = 48 * 3_600_000

export function airportDay(airport: string, start: number, departures: number, delay: number): AirportDay {
  return { airport, day: new Date(start).toISOString().slice(0, 10), departures, meanDelay: delay / departures }
}
