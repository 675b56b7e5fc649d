import { KafkaServer } from '@millrace/testcontainers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { job, json, kafka, memoryState, silentLogger } from '../../../src/index.ts'
import type { SaslOptions } from '../../../src/log/kafka/options.ts'
import { systemClock } from '../../../src/time/clock.ts'

const username = 'app'
const password = 'a secret'
let server: KafkaServer

beforeAll(async () => {
  const mechanisms = ['SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const
  server = await KafkaServer.start({ provider: 'native', tls: true, sasl: { username, password, mechanisms } })
})
afterAll(() => server?.stop())

/** A token that is not signed, as the servers of tests take them. */
function token(expiresInMs: number): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = { sub: username, iat: now - 3600, exp: now + expiresInMs / 1000 }
  const encoded = [{ alg: 'none' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  return `${encoded.join('.')}.`
}

function withLogin(sasl: SaslOptions): ReturnType<typeof kafka> {
  return kafka({ brokers: server.brokers, ssl: { ca: server.ca as string }, sasl })
}

const logins: readonly (readonly [string, () => SaslOptions])[] = [
  ['SCRAM-SHA-256', () => ({ mechanism: 'scram-sha-256', username, password })],
  ['SCRAM-SHA-512', () => ({ mechanism: 'scram-sha-512', username, password })],
  ['OAUTHBEARER', () => ({ mechanism: 'oauthbearer', token: token(600_000) })],
  ['OAUTHBEARER with a function', () => ({ mechanism: 'oauthbearer', token: async () => token(600_000) })],
]

const refusedLogins: readonly (readonly [string, () => SaslOptions, string])[] = [
  ['SCRAM-SHA-256', () => ({ mechanism: 'scram-sha-256', username, password: 'a guess' }), 'a guess'],
  ['SCRAM-SHA-512', () => ({ mechanism: 'scram-sha-512', username, password: 'a guess' }), 'a guess'],
  ['OAUTHBEARER', () => ({ mechanism: 'oauthbearer', token: token(-600_000) }), token(-600_000)],
  ['OAUTHBEARER with what is no token', () => ({ mechanism: 'oauthbearer', token: 'anything' }), 'anything'],
]

describe('over TLS', () => {
  it.each(logins)('a job reads and writes, logged in by %s', async (name, sasl) => {
    const topic = `copied-${name.toLowerCase().replaceAll(' ', '-')}`
    await server.createTopic(topic, { partitions: 2 })
    const numbers = Array.from({ length: 500 }, (_, n) => n)
    const run = { log: withLogin(sasl()), state: memoryState(), allowVolatileState: true }
    await job(`write-${topic}`, (env) => void env.from(numbers).toTopic(topic, json())).run(run)
    const seen: number[] = []
    await job(`read-${topic}`, (env) => {
      env.topic(topic, json<number>(), { bounded: true }).collect(seen)
    }).run(run)
    expect(seen.toSorted((a, b) => a - b)).toEqual(numbers)
  })

  it.each(refusedLogins)(
    'a log-in by %s that is refused is an error that says so, at once',
    async (_, sasl, secret) => {
      const log = withLogin(sasl()).create({ clock: systemClock, logger: silentLogger })
      const failure: unknown = await log.connect().catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'CONNECTION_FAILED', reaction: 'fail-job' })
      expect(String(failure)).toContain('authentication failed')
      expect(String(failure)).not.toContain(secret)
      await log.close()
    },
  )

  it.each(refusedLogins)('the connections for records say the same of %s', async (_, sasl) => {
    const { DataConnection } = await import('../../../src/log/kafka/data-connection.ts')
    const { kafkaSettings } = await import('../../../src/log/kafka/options.ts')
    const settings = kafkaSettings({ brokers: server.brokers, ssl: { ca: server.ca as string }, sasl: sasl() })
    const [address] = settings.brokers
    if (address === undefined) throw new Error('no broker')
    const timeouts = { connectTimeoutMs: 10_000, requestTimeoutMs: 10_000 }
    await expect(DataConnection.open(address, settings, timeouts)).rejects.toThrow(
      /authenticat|does not take the token/i,
    )
  })
})
