import { expect, it } from 'vitest'
import { silentLogger } from '../../src/index.ts'
import { until } from '../contract/log-contract/fixture.ts'
import { realServers } from '../real-servers.ts'
import { declared, totals, whileSelling } from './state-view.ts'

const servers = realServers()

it('the state of a job is read from another process through Redis, while it runs', { timeout: 60_000 }, async () => {
  const options = { ...servers.providers(), parallelism: 2 }
  await whileSelling(servers.log, 'shops', options, async ({ job }) => {
    const state = await job.openState({ ...options, logger: silentLogger })
    const view = state.of('totals', declared)
    await until('all is applied', async () => {
      const found = await view.getMany([...totals().keys()])
      return found.every((committed, at) => committed?.state.total.get() === [...totals().values()][at]?.total)
    })
    const found = await view.get('s7')
    expect(found?.epoch).toBeGreaterThan(0)
    expect(Object.fromEntries(found?.state.items.entries() ?? [])).toEqual(totals().get('s7')?.items)
    await state.close()
  })
})
