import { expect, it } from 'vitest'
import { realServers } from '../real-servers.ts'
import { windowPages } from './window-cache.ts'

const servers = realServers()

it('windows of ten times more keys than the cache hold all of them in Redis', { timeout: 120_000 }, async () => {
  for (const parallelism of [1, 2]) {
    const { rows, expected } = await windowPages(servers.log, `windows-${parallelism}`, {
      ...servers.providers(),
      parallelism,
    })
    expect(rows, `parallelism ${parallelism}`).toEqual(expected)
  }
})
