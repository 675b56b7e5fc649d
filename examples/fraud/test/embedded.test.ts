import { expect, it } from 'vitest'
import { runEmbedded } from '../embedded.ts'
import { generateTraffic } from '../generator.ts'
import { score } from '../score.ts'

it('finds every injected fraud in generated traffic, and nothing else', async () => {
  const result = await runEmbedded({ seed: 11, payments: 8_000, ratePerSecond: 1_000_000, quiet: true })
  expect(result).toMatchObject({ missed: 0, falseAlarms: 0 })
  expect(result.found).toBeGreaterThan(20)
})

it('watches for what the topic of rules says, also when that changes while it runs', async () => {
  const { suspicions } = await runEmbedded({ seed: 11, payments: 8_000, ratePerSecond: 1_000_000, quiet: true })
  const rules = Object.keys(suspicions)
  expect(rules.indexOf('unusual@1')).toBeLessThan(rules.indexOf('unusual@2'))
  expect(suspicions['unusual@1']).toBeGreaterThan(0)
  expect(suspicions['unusual@2']).toBeGreaterThan(0)
  expect(suspicions['same shop@1']).toBeGreaterThan(0)
})

it('the traffic is the same for the same seed, and arrives out of order', () => {
  const traffic = generateTraffic({ seed: 3, payments: 2_000 })
  expect(generateTraffic({ seed: 3, payments: 2_000 })).toEqual(traffic)
  expect(generateTraffic({ seed: 4, payments: 2_000 })).not.toEqual(traffic)
  const times = traffic.payments.map((payment) => payment.time)
  expect(times).not.toEqual(times.toSorted((a, b) => a - b))
  expect(new Set(traffic.injected.map((fraud) => fraud.rule))).toEqual(new Set(['velocity', 'probe', 'travel']))
})

it('the score tells missed frauds and false alarms', () => {
  const injected = [
    { rule: 'probe', card: 'a', payments: ['1', '2'] },
    { rule: 'travel', card: 'b', payments: ['3', '4'] },
  ] as const
  const alert = { card: '', time: 0, reason: '' }
  expect(score([], injected)).toEqual({ found: 0, missed: 2, falseAlarms: 0 })
  const alerts = [
    { ...alert, rule: 'probe', payment: '2' },
    { ...alert, rule: 'probe', payment: '2' },
    { ...alert, rule: 'velocity', payment: '3' },
  ] as const
  expect(score(alerts, injected)).toEqual({ found: 1, missed: 1, falseAlarms: 2 })
})
