import { describe, expect, it } from 'vitest'
import { memoryLog, silentLogger } from '../../src/index.ts'
import { systemClock } from '../../src/time/clock.ts'
import { runEverything } from './same-everywhere.ts'

describe('a job with windows, joins, timers and rules', () => {
  it('says the same bounded and unbounded, with one task, two and four', { timeout: 60_000 }, async () => {
    const provider = memoryLog()
    const log = provider.create({ clock: systemClock, logger: silentLogger })
    await log.connect()
    const expected = await runEverything(log, { name: 'one', bounded: true, run: { log: provider } }, null)
    const kinds = new Set(expected.map((row) => (JSON.parse(row) as { kind: string }).kind))
    expect([...kinds].sort()).toEqual([
      'all',
      'as of',
      'called',
      'interval',
      'rebalanced',
      'session',
      'sliding',
      'timer',
      'tumbling',
    ])
    for (const bounded of [true, false]) {
      for (const parallelism of [1, 2, 4]) {
        const name = `${bounded ? 'bounded' : 'unbounded'}-${parallelism}`
        const rows = await runEverything(log, { name, bounded, run: { log: provider, parallelism } }, expected.length)
        expect(rows, name).toEqual(expected)
      }
    }
    await log.close()
  })
})
