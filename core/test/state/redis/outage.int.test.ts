import { RedisServer } from '@millrace/testcontainers'
import { afterEach, describe, expect, it } from 'vitest'
import type { StateBackend, StateChange, StateEntry, TaskStore } from '../../../src/state/backend.ts'
import type { RedisStateOptions } from '../../../src/state/redis/index.ts'
import { TaskKeys } from '../../../src/state/redis/keys.ts'
import { acquireScript, callOf, discardScript } from '../../../src/state/redis/scripts.ts'
import { adminOf, connected } from './redis-under-test.ts'

const address = { job: 'outage', region: 'r', index: 0 }
const open: (StateBackend | RedisServer)[] = []

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await ('stop' in one ? one.stop() : one.close())
})

async function start(appendonly: boolean): Promise<RedisServer> {
  const server = await RedisServer.start({ provider: 'native', appendonly, appendfsync: 'no' })
  open.push(server)
  return server
}

async function backendOf(server: RedisServer, options: Partial<RedisStateOptions> = {}): Promise<StateBackend> {
  const backend = await connected({ url: server.url, ...options } as RedisStateOptions)
  open.push(backend)
  return backend
}

async function ownedBy(backend: StateBackend): Promise<TaskStore> {
  const store = backend.task(address)
  await store.acquire()
  return store
}

function put(key: string, value: string): StateChange {
  return { state: 's', keyGroup: 0, key: Buffer.from(key), sub: null, value: Buffer.from(value) }
}

async function stage(store: TaskStore, epoch: number, ...changes: StateChange[]): Promise<void> {
  await store.stage({ epoch, meta: Buffer.from(`meta ${epoch}`), changes })
}

async function loaded(store: TaskStore): Promise<string[]> {
  const entries: StateEntry[] = []
  for await (const batch of store.load()) entries.push(...batch)
  return entries.map(({ key, value }) => `${key} = ${value}`).sort()
}

describe('a Redis that goes away', () => {
  it('and comes back with its data is waited for', async () => {
    const server = await start(true)
    const store = await ownedBy(await backendOf(server))
    await stage(store, 1, put('a', '1'))
    await server.kill()
    const applying = store.apply(1)
    await server.restart()
    await applying
    await stage(store, 2, put('b', '2'))
    await server.restart()
    await store.apply(2)
    expect(await loaded(store)).toEqual(['a = 1', 'b = 2'])
  })

  it('for too long fails the task, which may try again later', async () => {
    const server = await start(true)
    const store = await ownedBy(await backendOf(server, { retryTimeoutMs: 300 }))
    await stage(store, 1, put('a', '1'))
    await server.kill()
    await expect(store.apply(1)).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      reaction: 'restart-task',
      message: expect.stringContaining(`${server.host}:${server.port}`),
    })
    await server.restart()
    await expect
      .poll(
        () =>
          store.acquire().then(
            ({ staged }) => staged,
            () => null,
          ),
        { timeout: 20_000 },
      )
      .toEqual([1])
    await store.apply(1)
    expect(await loaded(store)).toEqual(['a = 1'])
  })

  it('without closing its connections is noticed', async () => {
    const server = await start(true)
    const store = await ownedBy(await backendOf(server, { retryTimeoutMs: 300, commandTimeoutMs: 200 }))
    await server.pause()
    await expect(stage(store, 1, put('a', '1'))).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
    await server.resume()
    await expect
      .poll(
        () =>
          store.acquire().then(
            () => true,
            () => false,
          ),
        { timeout: 20_000 },
      )
      .toBe(true)
    await stage(store, 2, put('a', '2'))
    await store.apply(2)
    expect(await loaded(store)).toEqual(['a = 2'])
  })

  it('while a command waits gives the wait up when the backend is closed', async () => {
    const server = await start(true)
    const backend = await backendOf(server, { retryTimeoutMs: 600_000 })
    const store = await ownedBy(backend)
    await server.kill()
    const staging = stage(store, 1)
    await backend.close()
    await expect(staging).rejects.toMatchObject({ where: { server: `${server.host}:${server.port}` } })
  })
})

describe('a Redis that lost its data', () => {
  it('refuses the former owner and has nothing applied', async () => {
    const server = await start(false)
    const backend = await backendOf(server)
    const former = await ownedBy(backend)
    await stage(former, 1, put('a', '1'))
    await former.apply(1)
    await stage(former, 2, put('a', '2'))
    await server.restart()
    await expect(former.apply(2)).rejects.toMatchObject({
      code: 'STATE_BACKEND_FAILED',
      reaction: 'restart-task',
      message: expect.stringContaining('lost its data'),
    })
    const successor = backend.task(address)
    expect(await successor.acquire()).toEqual({ applied: null, decided: null, staged: [] })
    // The count of take-overs begins again, and the token is another one all the same.
    await expect(former.apply(2)).rejects.toMatchObject({ code: 'FENCED' })
    await stage(successor, 1, put('b', '1'))
    await successor.apply(1)
    expect(await loaded(successor)).toEqual(['b = 1'])
  })

  it('is found out when it forgot only the last epoch', async () => {
    const server = await start(true)
    const store = await ownedBy(await backendOf(server))
    for (const epoch of [1, 2]) {
      await stage(store, epoch, put('a', `${epoch}`))
      await store.apply(epoch)
    }
    const admin = adminOf(server.url)
    await admin.hset(new TaskKeys('millrace', address).header, 'applied', '1')
    await stage(store, 3, put('b', '3'))
    await expect(store.apply(3)).rejects.toMatchObject({
      code: 'STATE_BACKEND_FAILED',
      message: expect.stringContaining('forgotten epochs'),
    })
    expect((await store.acquire()).applied?.epoch).toBe(1)
    admin.disconnect()
  })

  it('is found out when it forgot a stage before the stage was durable', async () => {
    const server = await start(true)
    const args = ['--replicaof', server.host, String(server.port), '--repl-diskless-sync-delay', '0']
    const replica = await RedisServer.start({ provider: 'native', appendfsync: 'no', args })
    open.push(replica)
    const store = await ownedBy(await backendOf(server, { durability: { wait: 1, timeoutMs: 30_000 } }))
    await stage(store, 1, put('a', '1'))
    await store.apply(1)
    await replica.pause()
    const staging = stage(store, 2, put('a', '2'))
    const admin = adminOf(server.url)
    const { header } = new TaskKeys('millrace', address)
    await expect.poll(() => admin.hget(header, 'stage:2'), { timeout: 20_000 }).toMatch(/^1 /)
    await admin.hdel(header, 'stage:2')
    admin.disconnect()
    await replica.resume()
    await expect(staging).rejects.toMatchObject({
      code: 'STATE_BACKEND_FAILED',
      message: expect.stringContaining('has forgotten epoch 2 before it was durable'),
    })
  })

  it('tells the caller when a part of a stage is gone', async () => {
    const server = await start(true)
    const store = await ownedBy(await backendOf(server))
    await stage(store, 1, put('a', '1'))
    const admin = adminOf(server.url)
    await admin.del(new TaskKeys('millrace', address).staged(1))
    await expect(store.apply(1)).rejects.toMatchObject({ code: 'STATE_CORRUPT' })
    admin.disconnect()
  })
})

describe('commands that arrive late or twice', () => {
  it('do nothing after later operations of the same owner', async () => {
    const server = await start(true)
    const store = await ownedBy(await backendOf(server))
    await store.discardAbove(0)
    await stage(store, 1, put('a', '1'))
    const admin = adminOf(server.url)
    const keys = new TaskKeys('millrace', address)
    const token = (await admin.hget(keys.header, 'fence')) ?? ''
    const [name, ...args] = callOf(discardScript, true, 1, keys.header, token, 1, 0, keys.base)
    expect(await admin.call(name, ...args)).toBe('STALE')
    await store.apply(1)
    expect(await loaded(store)).toEqual(['a = 1'])
    admin.disconnect()
  })

  it('do not end a later ownership', async () => {
    const server = await start(true)
    const backend = await backendOf(server)
    const admin = adminOf(server.url)
    const keys = new TaskKeys('millrace', address)
    const [name, ...args] = callOf(acquireScript, true, 1, keys.header, 'nonce', keys.base, '0')
    const first = await admin.call(name, ...args)
    // The same command again belongs to the same take-over.
    expect(await admin.call(name, ...args)).toEqual(first)
    const store = await ownedBy(backend)
    expect(await admin.call(name, ...args)).toEqual(['AGAIN'])
    await stage(store, 1, put('a', '1'))
    await store.apply(1)
    admin.disconnect()
  })

  it('are sent as text when the server has forgotten the scripts', async () => {
    const server = await start(true)
    const store = await ownedBy(await backendOf(server))
    const admin = adminOf(server.url)
    await stage(store, 1, put('a', '1'))
    await admin.script('FLUSH')
    await store.apply(1)
    await admin.script('FLUSH')
    await stage(store, 2, put('b', '2'))
    await admin.script('FLUSH')
    await store.acquire()
    await store.apply(2)
    expect(await loaded(store)).toEqual(['a = 1', 'b = 2'])
    admin.disconnect()
  })
})

describe('clear', () => {
  it('leaves no key behind, not even of stages that were cut short', async () => {
    const server = await start(true)
    const backend = await backendOf(server)
    const store = await ownedBy(backend)
    await stage(store, 1, put('a', '1'), { ...put('m', '1'), sub: Buffer.from('x') })
    await store.apply(1)
    await stage(store, 2, put('a', '2'))
    const admin = adminOf(server.url)
    await admin.hset(new TaskKeys('millrace', address).header, 'stage:3', '')
    await admin.hset(new TaskKeys('millrace', address).staged(3), 'other.1:0', 'chunk')
    await backend.clear(address.job)
    expect(await admin.keys('*')).toEqual([])
    admin.disconnect()
  })

  it('that was cut short is finished by the next owner', async () => {
    const server = await start(true)
    const backend = await backendOf(server)
    const store = await ownedBy(backend)
    await stage(store, 1, put('a', '1'))
    await store.apply(1)
    const admin = adminOf(server.url)
    await admin.hset(new TaskKeys('millrace', address).header, 'clearing', '1')
    const next = backend.task(address)
    expect(await next.acquire()).toEqual({ applied: null, decided: null, staged: [] })
    expect(await loaded(next)).toEqual([])
    admin.disconnect()
  })
})
