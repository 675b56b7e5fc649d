import { expect, it } from 'vitest'
import { memoryLog, memoryState, silentLogger } from '../../src/index.ts'
import { systemClock } from '../../src/time/clock.ts'
import { tellPages } from './rule-cache.ts'

it.each([1, 2])(
  'rules come to every one of ten times more keys than the cache holds (parallelism %i)',
  { timeout: 60_000 },
  async (parallelism) => {
    const provider = memoryLog()
    const log = provider.create({ clock: systemClock, logger: silentLogger })
    await log.connect()
    const { rows, expected } = await tellPages(log, 'pages', { log: provider, state: memoryState(), parallelism })
    expect(rows).toEqual(expected)
    await log.close()
  },
)
