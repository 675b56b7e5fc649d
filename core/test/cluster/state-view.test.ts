import { describe, expect, it } from 'vitest'
import { memoryLog, memoryState, silentLogger, valueState } from '../../src/index.ts'
import { systemClock } from '../../src/time/clock.ts'
import { until } from '../contract/log-contract/fixture.ts'
import { declared, totals, whileSelling } from './state-view.ts'

async function running(parallelism: number, look: Parameters<typeof whileSelling>[3]): Promise<void> {
  const provider = memoryLog()
  const log = provider.create({ clock: systemClock, logger: silentLogger })
  await log.connect()
  await whileSelling(log, 'shops', { log: provider, state: memoryState(), parallelism }, look)
  await log.close()
}

describe('the state of a running job', () => {
  it.each([1, 3])('is read for any key as its last commit left it (parallelism %i)', async (parallelism) => {
    await running(parallelism, async ({ handle }) => {
      const view = handle.state('totals', declared)
      // What is applied follows what is committed.
      await until(
        'all is applied',
        async () => (await view.get('s19'))?.state.total.get() === totals().get('s19')?.total,
      )
      const shops = [...totals().keys()]
      const found = await view.getMany([...shops, 'unknown'])
      found.slice(0, -1).forEach((committed, at) => {
        expect(committed?.epoch).toBeGreaterThan(0)
        expect(committed?.state.total.get()).toBe(totals().get(shops[at] as string)?.total)
        expect(Object.fromEntries(committed?.state.items.entries() ?? [])).toEqual(
          totals().get(shops[at] as string)?.items,
        )
      })
      expect(found.at(-1)?.state.total.get()).toBe(0)
    })
  })

  it('is read as it is at the moment where its task runs', async () => {
    await running(2, async ({ handle }) => {
      const view = handle.state('totals', { total: declared.total })
      for (const [shop, { total }] of totals()) expect(view.local(shop)?.total.get()).toBe(total)
      expect(view.local('unknown')).toBe(undefined)
      await handle.stop()
      expect(view.local('s0')).toBe(undefined)
    })
  })

  it('says which operators and states there are when it is asked for others', async () => {
    await running(1, async ({ handle }) => {
      expect(() => handle.state('nothing', {})).toThrow(/no operator 'nothing'; its operators are .*totals/)
      expect(() => handle.state('totals', { sum: valueState() })).toThrow(/no state 'sum'; it has total, items/)
      expect(() => handle.state('totals', { items: valueState() })).toThrow(
        expect.objectContaining({
          code: 'STATE_INCOMPATIBLE',
          message: expect.stringContaining('is a map state'),
        }),
      )
    })
  })
})
