import { expect, it } from 'vitest'
import { runChaos } from '../chaos/chaos.ts'

it('counts every record once through kills, freezes, joins, leaves and restarts of Kafka and Redis', {
  timeout: 240_000,
}, async () => {
  const lines: string[] = []
  const result = await runChaos({
    seed: 1,
    durationMs: 40_000,
    betweenMs: 5_500,
    ratePerSecond: 1_000,
    say: (line) => lines.push(line),
  })
  const report = `${lines.join('\n')}\n${JSON.stringify(result)}`
  expect(result.ok, report).toBe(true)
  expect(Math.min(...Object.values(result.injected)), report).toBeGreaterThan(0)
  expect(result.records).toBeGreaterThan(20_000)
})
