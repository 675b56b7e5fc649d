import { expect, it } from 'vitest'
import { runOnKafka } from '../on-kafka.ts'

it('gives the same alerts and reports on real servers with a worker killed half way', async () => {
  const result = await runOnKafka({ seed: 5, payments: 30_000, say: () => {} })
  expect(result.identical).toBe(true)
  expect(result.alerts.committed).toBeGreaterThan(50)
  expect(result.killedAfterPayments).toBeGreaterThan(0)
})
