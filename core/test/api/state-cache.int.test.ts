import { expect, it } from 'vitest'
import { realServers } from '../real-servers.ts'
import { countPages } from './state-cache.ts'

const servers = realServers()

it('a job with ten times more keys than its cache loses nothing of them in Redis', { timeout: 120_000 }, async () => {
  for (const parallelism of [1, 2]) {
    const { rows, expected } = await countPages(servers.log, `pages-${parallelism}`, {
      ...servers.providers(),
      parallelism,
    })
    expect(rows, `parallelism ${parallelism}`).toEqual(expected)
  }
})
