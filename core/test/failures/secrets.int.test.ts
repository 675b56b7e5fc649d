import { inspect } from 'node:util'
import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Job, job, json, kafka, type Logger, redis, StreamError } from '../../src/index.ts'

const secret = 'pa55-of-nobody-else'

const counting: Job = job('secretive', (env) => {
  env
    .topic('in', json<number>())
    .keyBy((n) => n)
    .reduce((a, b) => a + b)
    .toTopic('out', json())
})

let broker: KafkaServer
let store: RedisServer
beforeAll(async () => {
  ;[broker, store] = await Promise.all([
    KafkaServer.start({ sasl: { username: 'user', password: secret } }),
    RedisServer.start({ password: secret }),
  ])
  await broker.createTopic('in', { partitions: 1 })
  await broker.createTopic('out', { partitions: 1 })
})
afterAll(async () => {
  await Promise.all([broker?.stop(), store?.stop()])
})

/** Everything that a run shows to people. */
function watched(): { readonly seen: string[]; readonly logger: Logger } {
  const seen: string[] = []
  const note = (fields: object, text: string): void => void seen.push(inspect(fields, { depth: 9 }), text)
  return { seen, logger: { debug: note, info: note, warn: note, error: note } }
}

describe('passwords', () => {
  it('are in nothing that a running job shows', async () => {
    const { seen, logger } = watched()
    const log = kafka({ brokers: broker.brokers, sasl: { mechanism: 'plain', username: 'user', password: secret } })
    const state = redis({ url: store.url })
    expect(store.url).toContain(secret)
    const handle = counting.start({
      log,
      state,
      logger,
      epochInterval: 50,
      onEvent: (event) => seen.push(inspect(event)),
    })
    await handle.ready
    seen.push(inspect(handle.status(), { depth: 9 }), inspect(handle.health()), handle.metrics())
    seen.push(String(counting.explain({ parallelism: 2 })), inspect(counting.explain(), { depth: 9 }))
    seen.push(inspect(await handle.stop()))
    expect(seen.join('\n')).not.toContain(secret)
  })

  it('that are wrong end in an error that names the server, and not the password', async () => {
    const wrong = `${secret}-but-wrong`
    const { seen, logger } = watched()
    const rightLog = kafka({
      brokers: broker.brokers,
      sasl: { mechanism: 'plain', username: 'user', password: secret },
    })
    const wrongLog = kafka({ brokers: broker.brokers, sasl: { mechanism: 'plain', username: 'user', password: wrong } })
    const wrongState = redis({ url: store.url.replace(secret, wrong) })
    const rightState = redis({ url: store.url })
    for (const [log, state, server] of [
      [wrongLog, rightState, [broker.brokers].flat().join(',')],
      [rightLog, wrongState, new URL(store.url).host],
    ] as const) {
      const error: unknown = await counting.start({ log, state, logger }).done.catch((failure: unknown) => failure)
      expect(StreamError.is(error)).toBe(true)
      expect(error).toMatchObject({ code: 'CONNECTION_FAILED' })
      expect((error as StreamError).where.server ?? '').toContain(server.split(':').at(-1))
      seen.push(inspect(error, { depth: 9, showHidden: true }), (error as StreamError).stack ?? '')
    }
    expect(seen.join('\n')).not.toContain(secret)
  })
})
