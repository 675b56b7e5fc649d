import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../../src/metrics/logger.ts'
import { type RedisStateOptions, redis } from '../../../src/state/redis/index.ts'
import { describeTopology, resolveOptions } from '../../../src/state/redis/options.ts'
import { systemClock } from '../../../src/time/clock.ts'

const context = { clock: systemClock, logger: silentLogger }
const node = { host: 'n1', port: 7000 }

describe('the options of redis()', () => {
  it('take a url apart', () => {
    expect(resolveOptions({ url: 'rediss://us%40er:p%2Fw@[::1]:7000/3' })).toMatchObject({
      topology: { kind: 'single', address: { host: '::1', port: 7000 } },
      username: 'us@er',
      password: 'p/w',
      db: 3,
      tls: {},
    })
    expect(resolveOptions({ url: 'redis://localhost' })).toMatchObject({
      topology: { address: { host: 'localhost', port: 6379 } },
      db: 0,
      tls: undefined,
    })
  })

  it('let what is named beside the url win over it', () => {
    const options = { url: 'redis://a:b@h/1', username: 'u', password: 'p', db: 2, tls: true }
    expect(resolveOptions(options)).toMatchObject({ username: 'u', password: 'p', db: 2, tls: {} })
  })

  it('have defaults', () => {
    expect(resolveOptions({ host: 'h' })).toEqual({
      topology: { kind: 'single', address: { host: 'h', port: 6379 } },
      username: undefined,
      password: undefined,
      tls: undefined,
      db: 0,
      keyPrefix: 'millrace',
      durability: null,
      connectTimeoutMs: 10_000,
      retryTimeoutMs: 30_000,
      commandTimeoutMs: 10_000,
      ioredis: {},
    })
  })

  it('ask for no durability when nothing of it is asked for', () => {
    const durabilityOf = (durability: RedisStateOptions['durability']): unknown =>
      resolveOptions({ host: 'h', ...(durability === undefined ? {} : { durability }) }).durability
    expect(durabilityOf('none')).toBeNull()
    expect(durabilityOf({ wait: 0 })).toBeNull()
    expect(durabilityOf({ wait: 2 })).toEqual({ wait: 2, waitAof: false, timeoutMs: 5_000 })
    expect(durabilityOf({ waitAof: true, timeoutMs: 7 })).toEqual({ wait: 0, waitAof: true, timeoutMs: 7 })
  })

  it.each<[string, unknown, RegExp]>([
    ['no place', {}, /exactly one of url, host, cluster and sentinels/],
    ['nothing', undefined, /exactly one of url, host, cluster and sentinels/],
    ['two places', { url: 'redis://h', host: 'h' }, /exactly one of/],
    ['a url of something else', { url: 'http://h' }, /redis:\/\/host:6379/],
    ['a url with a path', { url: 'redis://h/db' }, /database number/],
    ['no host', { host: '' }, /a name and a number/],
    ['a bad port', { host: 'h', port: 70_000 }, /from 1 to 65535/],
    ['no nodes', { cluster: [] }, /at least one/],
    ['a node that is text', { cluster: ['h:1'] }, /\{ host, port \}/],
    ['sentinels without a name', { sentinels: [node] }, /name of the master/],
    ['a database in a cluster', { cluster: [node], db: 1 }, /only database 0/],
    ['a negative database', { host: 'h', db: -1 }, /db is -1/],
    ['braces in the prefix', { host: 'h', keyPrefix: 'a{b}' }, /keyPrefix/],
    ['an empty prefix', { host: 'h', keyPrefix: '' }, /keyPrefix/],
    ['no time to connect', { host: 'h', connectTimeoutMs: 0 }, /connectTimeoutMs is 0/],
    ['a durability that is no object', { host: 'h', durability: 'all' }, /durability must be/],
    ['a fraction of a replica', { host: 'h', durability: { wait: 0.5 } }, /durability\.wait is 0\.5/],
  ])('refuse %s at once', (_, options, message) => {
    expect(() => redis(options as RedisStateOptions)).toThrowError(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringMatching(message) }),
    )
  })

  it('never repeat a url that holds a password', () => {
    expect(() => redis({ url: 'redi://user:hunter2@host' })).toThrowError(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    )
  })

  it('describe the place without user and password', () => {
    const describes = (options: RedisStateOptions): string => redis(options).create(context).describe()
    expect(describes({ url: 'redis://user:hunter2@host:1' })).toBe('redis host:1')
    expect(describes({ cluster: [node, { host: '::1', port: 7001 }], password: 'hunter2' })).toBe(
      'redis cluster n1:7000,[::1]:7001',
    )
    expect(describeTopology(resolveOptions({ sentinels: [node], name: 'orders' }).topology)).toBe(
      'orders by sentinels n1:7000',
    )
  })

  it('are plain data that come back from another thread as they were', () => {
    const { options } = redis({ url: 'redis://h', durability: { wait: 1 }, tls: true })
    expect(structuredClone(options)).toEqual(options)
  })
})
