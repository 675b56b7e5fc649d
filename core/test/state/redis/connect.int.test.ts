import { inspect } from 'node:util'
import { RedisServer } from '@millrace/testcontainers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Logger } from '../../../src/metrics/logger.ts'
import { type RedisStateOptions, redis } from '../../../src/state/redis/index.ts'
import { systemClock } from '../../../src/time/clock.ts'
import { adminOf } from './redis-under-test.ts'

const secret = 'hunter2-is-secret'
const nobody = { host: '127.0.0.1', port: 1 }
const task = { job: 'j', region: 'r', index: 0 }

/** Connects, takes a task, commits an epoch; what was logged is kept. */
async function use(options: RedisStateOptions, lines: string[] = []): Promise<void> {
  const log = (fields: object, message: string): void => void lines.push(`${message} ${inspect(fields, { depth: 9 })}`)
  const logger: Logger = { debug: log, info: log, warn: log, error: log }
  const backend = redis(options).create({ clock: systemClock, logger })
  try {
    await backend.connect()
    const store = backend.task(task)
    const { applied } = await store.acquire()
    const epoch = (applied?.epoch ?? 0) + 1
    await store.stage({ epoch, meta: Buffer.from('m'), changes: [] })
    await store.apply(epoch)
  } finally {
    await backend.close()
  }
}

async function failureOf(running: Promise<void>): Promise<unknown> {
  return await running.then(
    () => expect.unreachable('it succeeded'),
    (error: unknown) => error,
  )
}

describe('connect', () => {
  it.each<[string, RedisStateOptions]>([
    ['a server', nobody],
    ['a cluster', { cluster: [nobody] }],
    ['sentinels', { sentinels: [nobody], name: 'orders' }],
  ])('names the address of %s that cannot be reached within the bound', async (_, options) => {
    const error = await failureOf(use({ ...options, password: secret, connectTimeoutMs: 300 }))
    expect(error).toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringMatching(/127\.0\.0\.1:1\b.*within 300 ms/),
      where: { server: expect.stringContaining('127.0.0.1:1') },
    })
    expect(inspect(error, { depth: 9 })).not.toContain(secret)
  })

  describe('with a user and a password', () => {
    let server: RedisServer
    beforeAll(async () => {
      const user = ['--user', 'worker', 'on', `>${secret}`, '~own:*', '+@all', '-config']
      server = await RedisServer.start({
        provider: 'native',
        appendfsync: 'no',
        password: 'of-the-default-user',
        args: user,
      })
    })
    afterAll(() => server.stop())

    const as = (username: string, password: string, keyPrefix: string): RedisStateOptions => ({
      host: server.host,
      port: server.port,
      username,
      password,
      keyPrefix,
      connectTimeoutMs: 5_000,
    })

    it('works for a user who may use only these keys and not read the settings', async () => {
      await use(as('worker', secret, 'own'))
      const { host, port } = server
      await use({ url: `redis://worker:${secret}@${host}:${port}`, keyPrefix: 'own' })
    })

    it.each([
      ['a wrong password', 'worker', 'wrong-and-secret', 'own', /WRONGPASS/],
      ['an unknown user', 'somebody', 'wrong-and-secret', 'own', /WRONGPASS/],
      ['keys of others', 'worker', secret, 'other', /NOPERM/],
    ])('fails the job at once for %s and tells no secret', async (_, username, password, prefix, reason) => {
      const lines: string[] = []
      const error = await failureOf(use(as(username, password, prefix), lines))
      expect(error).toMatchObject({
        code: 'CONNECTION_FAILED',
        reaction: 'fail-job',
        message: expect.stringMatching(reason),
        where: { server: `${server.host}:${server.port}` },
      })
      expect(`${inspect(error, { depth: 9, showHidden: true })}\n${lines.join('\n')}`).not.toContain(password)
    })

    it('says that a password is missing', async () => {
      const error = await failureOf(use({ host: server.host, port: server.port, connectTimeoutMs: 2_000 }))
      expect(error).toMatchObject({ code: 'CONNECTION_FAILED', message: expect.stringContaining('NOAUTH') })
    })
  })

  describe('to a server whose settings put state at risk', () => {
    let server: RedisServer
    beforeAll(async () => {
      const args = ['--maxmemory-policy', 'allkeys-lru']
      server = await RedisServer.start({ provider: 'native', appendonly: false, args })
    })
    afterAll(() => server.stop())

    it('warns of eviction and of a missing append-only file', async () => {
      const lines: string[] = []
      await use({ url: server.url }, lines)
      expect(lines.join('\n')).toMatch(/may evict state.*allkeys-lru[\s\S]*append-only file/)
    })

    it('refuses the durability that the server cannot give', async () => {
      const error = await failureOf(use({ url: server.url, durability: { waitAof: true } }))
      expect(error).toMatchObject({ code: 'OPTION_INVALID', message: expect.stringContaining('append-only file') })
    })

    it('fails the epoch that too few replicas have', async () => {
      const error = await failureOf(use({ url: server.url, durability: { wait: 1, timeoutMs: 100 } }))
      expect(error).toMatchObject({
        code: 'STATE_BACKEND_FAILED',
        message: expect.stringMatching(/WAIT answered 0, 1 required/),
      })
    })

    it('uses the database that it is told', async () => {
      await use({ url: `${server.url}/5`, keyPrefix: 'five' })
      const admin = adminOf(server.url)
      expect(await admin.keys('five:*')).toEqual([])
      await admin.select(5)
      expect((await admin.keys('five:*')).length).toBeGreaterThan(0)
      admin.disconnect()
    })
  })

  it('takes a server that syncs every write for one that has what waitAof asks for', async () => {
    await using server = await RedisServer.start({ provider: 'native', appendfsync: 'always' })
    await use({ url: server.url, durability: { waitAof: true } })
  })
})
