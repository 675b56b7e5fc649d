import { expect, it } from 'vitest'
import { runOnKafka } from '../on-kafka.ts'
import { loadFlights } from '../records.ts'

it('flights of both files give what a direct computation gives, on real Kafka and Redis', async () => {
  for (const flights of [await loadFlights('small'), await loadFlights('large', 300_000)]) {
    const result = await runOnKafka(flights)
    expect(result).toMatchObject({ flights: flights.length, identical: true })
    expect(result.rows).toBeGreaterThan(500)
  }
})
