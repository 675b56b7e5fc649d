import { expect, it } from 'vitest'
import { memoryLog, memoryState, silentLogger } from '../../src/index.ts'
import { systemClock } from '../../src/time/clock.ts'
import { windowPages } from './window-cache.ts'

it.each([1, 2])(
  'windows of ten times more keys than the cache hold all of them (parallelism %i)',
  {
    timeout: 60_000,
  },
  async (parallelism) => {
    const provider = memoryLog()
    const log = provider.create({ clock: systemClock, logger: silentLogger })
    await log.connect()
    const { rows, expected } = await windowPages(log, 'pages', { log: provider, state: memoryState(), parallelism })
    expect(rows).toEqual(expected)
    await log.close()
  },
)
