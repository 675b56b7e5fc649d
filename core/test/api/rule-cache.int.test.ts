import { expect, it } from 'vitest'
import { realServers } from '../real-servers.ts'
import { tellPages } from './rule-cache.ts'

const servers = realServers()

it('rules come to every one of ten times more keys than the cache, that are in Redis', {
  timeout: 120_000,
}, async () => {
  for (const parallelism of [1, 2]) {
    const { rows, expected } = await tellPages(servers.log, `rules-${parallelism}`, {
      ...servers.providers(),
      parallelism,
    })
    expect(rows, `parallelism ${parallelism}`).toEqual(expected)
  }
})
