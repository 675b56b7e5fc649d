import { expect, it } from 'vitest'
import { memoryLog, memoryState, silentLogger } from '../../src/index.ts'
import { systemClock } from '../../src/time/clock.ts'
import { countPages } from './state-cache.ts'

it.each([1, 2])(
  'a job with ten times more keys than its cache loses nothing of them (parallelism %i)',
  async (parallelism) => {
    const provider = memoryLog()
    const log = provider.create({ clock: systemClock, logger: silentLogger })
    await log.connect()
    const { rows, expected } = await countPages(log, 'pages', { log: provider, state: memoryState(), parallelism })
    expect(rows).toEqual(expected)
    await log.close()
  },
)
