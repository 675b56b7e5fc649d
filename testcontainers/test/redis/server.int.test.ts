import { Cluster, Redis } from 'ioredis'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { RedisCluster, RedisSentinel, RedisServer } from '../../src/index.ts'
import { embeddedRedisServer } from '../../src/redis/binary.ts'

afterEach(() => vi.unstubAllEnvs())

async function withClient<T>(url: string, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, { maxRetriesPerRequest: 0 })
  client.on('error', () => {})
  try {
    return await use(client)
  } finally {
    client.disconnect()
  }
}

describe('RedisServer', () => {
  it('keeps acknowledged writes over a kill and over a restart', async () => {
    await using server = await RedisServer.start({ provider: 'native' })
    await withClient(server.url, (client) => client.set('a', '1'))
    await server.kill()
    await expect(withClient(server.url, (client) => client.ping())).rejects.toThrow()
    await server.restart()
    await withClient(server.url, (client) => client.set('b', '2'))
    await server.restart()
    expect(await withClient(server.url, (client) => client.mget('a', 'b'))).toEqual(['1', '2'])
  })

  it('forgets everything over a restart without the append-only file', async () => {
    await using server = await RedisServer.start({ provider: 'native', appendonly: false })
    await withClient(server.url, (client) => client.set('a', '1'))
    await server.restart()
    expect(await withClient(server.url, (client) => client.get('a'))).toBeNull()
  })

  it('does not answer while it is paused and answers when it is resumed', async () => {
    await using server = await RedisServer.start({ provider: 'native' })
    await withClient(server.url, async (client) => {
      await client.ping()
      await server.pause()
      const answer = client.ping()
      const other = new Promise((resolve) => setTimeout(resolve, 300, 'silent'))
      expect(await Promise.race([answer, other])).toBe('silent')
      await server.resume()
      expect(await answer).toBe('PONG')
    })
  })

  it('asks for the password, which its URL holds', async () => {
    await using server = await RedisServer.start({ provider: 'native', password: 'p@ss "w\\ord' })
    expect(await withClient(server.url, (client) => client.ping())).toBe('PONG')
    const open = `redis://${server.host}:${server.port}`
    await expect(withClient(open, (client) => client.ping())).rejects.toThrow('NOAUTH')
  })

  it('takes a server of the environment and refuses to control it', async () => {
    await using real = await RedisServer.start({ provider: 'native', password: 'secret' })
    vi.stubEnv('MILLRACE_REDIS_URL', real.url)
    await using server = await RedisServer.start()
    expect([server.provider, server.url]).toEqual(['environment', real.url])
    for (const control of [server.kill(), server.pause(), server.resume(), server.restart()]) {
      await expect(control).rejects.toMatchObject({ code: 'NOT_OURS' })
    }
    await server.stop()
    expect(await withClient(real.url, (client) => client.ping())).toBe('PONG')
  })

  it('refuses orders after it was stopped', async () => {
    const server = await RedisServer.start({ provider: 'native' })
    await server.stop()
    await server.stop()
    await expect(server.restart()).rejects.toMatchObject({ code: 'STOPPED' })
  })

  it('shows the end of the log when the server cannot start', async () => {
    const start = RedisServer.start({ provider: 'native', args: ['--no-such-setting', '1'] })
    await expect(start).rejects.toMatchObject({ code: 'SERVER_START_FAILED' })
    await expect(start).rejects.toThrow('no-such-setting')
  })

  it('can run the program of the Maven artifact', async () => {
    vi.stubEnv('MILLRACE_REDIS_SERVER', await embeddedRedisServer())
    await using server = await RedisServer.start({ provider: 'native' })
    expect(await withClient(server.url, (client) => client.info('server'))).toContain('redis_version:6.2')
  })

  it('starts many at once on ports of their own', async () => {
    const servers = await Promise.all(Array.from({ length: 8 }, () => RedisServer.start({ provider: 'native' })))
    expect(new Set(servers.map((server) => server.port)).size).toBe(8)
    await Promise.all(servers.map((server) => server.stop()))
  })
})

describe('RedisCluster', () => {
  it('serves every slot, also after a node was killed and restarted', async () => {
    await using cluster = await RedisCluster.start({ password: 'secret' })
    expect(cluster.nodes).toHaveLength(3)
    const client = new Cluster(cluster.addresses, { redisOptions: { password: 'secret' } })
    client.on('error', () => {})
    const keys = Array.from({ length: 50 }, (_, i) => `key-${i}`)
    for (const key of keys) await client.set(key, key)
    await cluster.nodes[1]?.kill()
    await cluster.nodes[1]?.restart()
    await cluster.ready()
    for (const key of keys) expect(await client.get(key)).toBe(key)
    client.disconnect()
  })

  it('refuses fewer nodes than a cluster needs', async () => {
    await expect(RedisCluster.start({ nodes: 2 })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })
})

describe('RedisSentinel', () => {
  it('makes a replica the master when the master is killed, with its data', async () => {
    await using watched = await RedisSentinel.start({ name: 'orders', password: 'secret', replicas: 2, sentinels: 3 })
    const client = new Redis({ sentinels: watched.addresses, name: watched.name, password: 'secret' })
    client.on('error', () => {})
    await client.set('key', 'value')
    await client.wait(2, 5000)
    await watched.master.kill()
    await vi.waitFor(async () => expect(await client.set('key', 'later', 'GET')).toBe('value'), { timeout: 30_000 })
    client.disconnect()
  })

  it('refuses to start without replicas', async () => {
    await expect(RedisSentinel.start({ replicas: 0 })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })
})
