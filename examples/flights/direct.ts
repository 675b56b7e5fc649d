import { type AirportDay, airportDay, DAY_MS, type Flight } from './flights.ts'

/** The same result, computed over the whole list at once. */
export function airportDaysOf(flights: readonly Flight[]): AirportDay[] {
  const days = new Map<string, { airport: string; start: number; departures: number; delay: number }>()
  for (const { origin, scheduled, delay } of flights) {
    const start = Math.floor(scheduled / DAY_MS) * DAY_MS
    const id = `${origin} ${start}`
    const day = days.get(id) ?? { airport: origin, start, departures: 0, delay: 0 }
    day.departures++
    day.delay += delay
    days.set(id, day)
  }
  return [...days.values()].map(({ airport, start, departures, delay }) =>
    airportDay(airport, start, departures, delay),
  )
}

/** Whether both hold the same rows, in whatever order, each as often. */
export function isSameResult(left: readonly AirportDay[], right: readonly AirportDay[]): boolean {
  const canonical = (rows: readonly AirportDay[]): string[] => rows.map((row) => JSON.stringify(row)).sort()
  const [a, b] = [canonical(left), canonical(right)]
  return a.length === b.length && a.every((row, at) => row === b[at])
}
