import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RedisServer } from '@millrace/testcontainers'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { StateEntry, TaskStore } from '../../../src/state/backend.ts'
import { connected } from './redis-under-test.ts'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** The program of a server that runs. */
async function programOf(url: string): Promise<string> {
  const client = new Redis(url)
  try {
    return /^executable:(.+?)\r?$/m.exec(await client.info('server'))?.[1] ?? ''
  } finally {
    client.disconnect()
  }
}

async function commit(store: TaskStore, epoch: number): Promise<void> {
  const change = { state: 's', keyGroup: 0, key: Buffer.from(`k${epoch}`), sub: null, value: Buffer.from('v') }
  await store.stage({ epoch, meta: Buffer.from(''), changes: [change] })
  await store.apply(epoch)
}

describe('redis behind sentinels', () => {
  let master: RedisServer
  let replica: RedisServer
  let sentinel: ChildProcess
  let port: number
  const folder = mkdtempSync(join(tmpdir(), 'millrace-sentinel-'))

  beforeAll(async () => {
    master = await RedisServer.start({ provider: 'native', appendfsync: 'no' })
    const args = ['--replicaof', master.host, String(master.port), '--repl-diskless-sync-delay', '0']
    replica = await RedisServer.start({ provider: 'native', appendfsync: 'no', args })
    port = await freePort()
    const config = join(folder, 'sentinel.conf')
    writeFileSync(
      config,
      [
        `port ${port}`,
        'bind 127.0.0.1',
        `dir ${folder}`,
        `sentinel monitor orders ${master.host} ${master.port} 1`,
        'sentinel down-after-milliseconds orders 500',
        'sentinel failover-timeout orders 5000',
        '',
      ].join('\n'),
    )
    sentinel = spawn(await programOf(master.url), [config, '--sentinel'], { stdio: 'ignore' })
    const admin = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 100 })
    admin.on('error', () => {}) // It is still starting.
    const knowsReplica = async (): Promise<void> => {
      const [found] = (await admin.call('sentinel', 'replicas', 'orders')) as string[][]
      expect(found?.[found.indexOf('master-link-status') + 1]).toBe('ok')
    }
    await vi.waitFor(knowsReplica, { timeout: 60_000, interval: 200 })
    admin.disconnect()
  })

  afterAll(async () => {
    if (sentinel !== undefined && sentinel.exitCode === null) {
      sentinel.kill('SIGKILL')
      await once(sentinel, 'exit')
    }
    await master?.stop()
    await replica?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('goes on with the replica that became the master, as the same owner', async () => {
    const backend = await connected({
      sentinels: [{ host: '127.0.0.1', port }],
      name: 'orders',
      durability: { wait: 1 },
      retryTimeoutMs: 60_000,
    })
    const store = backend.task({ job: 'failover', region: 'r', index: 0 })
    await store.acquire()
    await commit(store, 1)
    await store.stage({ epoch: 2, meta: Buffer.from(''), changes: [] })
    await master.kill()
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
