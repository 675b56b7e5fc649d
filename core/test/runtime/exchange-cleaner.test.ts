import { expect, it } from 'vitest'
import { job, json } from '../../src/index.ts'
import { testHarness } from '../../src/testing/index.ts'

it('repartition topics let go of what their reader has committed', async () => {
  const repartitioned = job('repartitioned', (env) => {
    env
      .topic('in', json<number>())
      .keyBy((n) => n % 7)
      .reduce((a, b) => a + b)
      .uid('sums')
      .toTopic('out', json())
  })
  const t = await testHarness(repartitioned, { run: { parallelism: 2 } })
  const exchange = { topic: 'repartitioned.sums.0.repartition', partition: 0 }
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 20; n++) t.topic('in').send(n)
    await t.advanceBy('31s')
  }
  const log = t.storage
  const stored = log.partition(exchange.topic, exchange.partition)
  expect(stored.start).toBeGreaterThan(0)
  expect(stored.start).toBeLessThanOrEqual(log.committed('repartitioned', exchange.topic, 0)?.offset ?? 0)
  expect(t.topic('out').values()).toHaveLength(60)
  await t.stop()
})
