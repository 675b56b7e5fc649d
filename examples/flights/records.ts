import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { type Flight, MOST_OUT_OF_ORDER_MS } from './flights.ts'

export type Dataset = 'small' | 'large'

const files = { small: 'flights-20k.json', large: 'flights-3m.parquet' } as const satisfies Record<Dataset, string>
const MINUTE_MS = 60_000

/** The flights of a file of `vega-datasets`, in the order in which they left. */
export async function loadFlights(dataset: Dataset, limit: number = Number.POSITIVE_INFINITY): Promise<Flight[]> {
  // The package exports its code only; the data lies beside the folder of that.
  const path = fileURLToPath(new URL(`../data/${files[dataset]}`, import.meta.resolve('vega-datasets')))
  const flights = dataset === 'small' ? await readJson(path) : await readParquet(path, limit)
  const left = flights
    .slice(0, limit)
    .map((flight, row) => ({ flight, row, at: flight.scheduled + flight.delay * MINUTE_MS }))
    .sort((a, b) => a.at - b.at || a.row - b.row)
    .map(({ flight }) => flight)
  checkOrder(left)
  return left
}

async function readJson(path: string): Promise<Flight[]> {
  const rows: { date: string; delay: number; origin: string; destination: string }[] = JSON.parse(
    await readFile(path, 'utf8'),
  )
  return rows.map(({ date, delay, origin, destination }) => ({
    origin,
    destination,
    scheduled: Date.parse(`${date.replaceAll('/', '-').replace(' ', 'T')}:00Z`),
    delay,
  }))
}

async function readParquet(path: string, limit: number): Promise<Flight[]> {
  const file = await asyncBufferFromFile(path)
  const metadata = await parquetMetadataAsync(file)
  const flights: Flight[] = []
  let rowStart = 0
  for (const { num_rows: count } of metadata.row_groups) {
    if (rowStart >= limit) break
    const rowEnd = rowStart + Number(count)
    const columns = ['date', 'delay', 'origin', 'destination']
    const rows = await parquetReadObjects({ file, metadata, compressors, columns, rowStart, rowEnd })
    for (const { date, delay, origin, destination } of rows) {
      flights.push({ origin, destination, scheduled: date.getTime(), delay: Number(delay) })
    }
    rowStart = rowEnd
  }
  return flights
}

/** What the job's watermarks rely on. */
function checkOrder(flights: readonly Flight[]): void {
  let latest = Number.NEGATIVE_INFINITY
  for (const { scheduled } of flights) {
    latest = Math.max(latest, scheduled)
    if (latest - scheduled > MOST_OUT_OF_ORDER_MS) {
      throw new Error(`A flight comes ${(latest - scheduled) / 3_600_000} hours after one that was scheduled later.`)
    }
  }
}
