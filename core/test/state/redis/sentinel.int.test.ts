import { RedisSentinel } from '@millrace/testcontainers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StateEntry, TaskStore } from '../../../src/state/backend.ts'
import { connected } from './redis-under-test.ts'

async function commit(store: TaskStore, epoch: number): Promise<void> {
  const change = { state: 's', keyGroup: 0, key: Buffer.from(`k${epoch}`), sub: null, value: Buffer.from('v') }
  await store.stage({ epoch, meta: Buffer.from(''), changes: [change] })
  await store.apply(epoch)
}

describe('redis behind sentinels', () => {
  let server: RedisSentinel

  beforeAll(async () => {
    server = await RedisSentinel.start({ name: 'orders', appendfsync: 'no' })
  })

  afterAll(async () => {
    await server?.stop()
  })

  it('goes on with the replica that became the master, as the same owner', async () => {
    const backend = await connected({
      sentinels: server.addresses,
      name: server.name,
      durability: { wait: 1 },
      retryTimeoutMs: 60_000,
    })
    const store = backend.task({ job: 'failover', region: 'r', index: 0 })
    await store.acquire()
    await commit(store, 1)
    await store.stage({ epoch: 2, meta: Buffer.from(''), changes: [] })
    await server.master.kill()
    await store.apply(2)
    const entries: StateEntry[] = []
    for await (const batch of store.load()) entries.push(...batch)
    expect(entries.map(({ key }) => String(key))).toEqual(['k1'])
    // The new master has no replica that could confirm.
    await expect(commit(store, 3)).rejects.toMatchObject({ code: 'STATE_BACKEND_FAILED' })
    expect((await store.acquire()).applied?.epoch).toBe(2)
    await backend.close()
  })
})
