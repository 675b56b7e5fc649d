import { createServer } from 'node:net'
import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Collector,
  type Job,
  type JobHandle,
  job,
  json,
  kafka,
  redis,
  type StreamError,
  silentLogger,
  valueState,
  type WorkerEvent,
} from '../../src/index.ts'
import { systemClock } from '../../src/time/clock.ts'

const counting = (name: string): Job =>
  job(name, (env) => {
    env
      .topic(`${name}-in`, json<number>())
      .keyBy((n) => n % 5)
      .process({
        state: { seen: valueState({ initial: 0 }) },
        onRecord(n, { state, key }, out: Collector<string>) {
          state.seen.set(state.seen.get() + 1)
          out.emit(`${key}:${state.seen.get()}:${n}`)
        },
      })
      .uid('count')
      .toTopic(`${name}-out`, json())
  })

/** A port of this machine that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

let broker: KafkaServer
let store: RedisServer
beforeAll(async () => {
  ;[broker, store] = await Promise.all([KafkaServer.start(), RedisServer.start()])
})
afterAll(async () => {
  await Promise.all([broker?.stop(), store?.stop()])
})

describe('a server that cannot be reached at the start', () => {
  it('broker: CONNECTION_FAILED with its address, after a bounded wait', async () => {
    const address = `127.0.0.1:${await closedPort()}`
    const handle = counting('unreached').start({
      log: kafka({ brokers: address, connectTimeoutMs: 500 }),
      state: redis({ url: store.url }),
      logger: silentLogger,
    })
    await expect(handle.ready).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
    const error = (await handle.done.catch((failure: unknown) => failure)) as StreamError
    expect(error.where).toMatchObject({ job: 'unreached', server: expect.stringContaining(address) })
    expect(error.message).toContain(address)
    expect(handle.health()).toMatchObject({ live: false, ready: false, state: 'failed' })
  })

  it('Redis: CONNECTION_FAILED with its address, after a bounded wait', async () => {
    const address = `127.0.0.1:${await closedPort()}`
    const handle = counting('unreached').start({
      log: kafka({ brokers: broker.brokers }),
      state: redis({ url: `redis://${address}`, connectTimeoutMs: 500 }),
      logger: silentLogger,
    })
    const error = (await handle.done.catch((failure: unknown) => failure)) as StreamError
    expect(error).toMatchObject({ code: 'CONNECTION_FAILED' })
    expect(error.where).toMatchObject({ job: 'unreached', server: expect.stringContaining(address) })
    expect(error.message).toContain(address)
  })
})

describe('a server that goes away while a job runs', () => {
  async function produce(topic: string, from: number, to: number): Promise<void> {
    const client = new Kafka({ brokers: [broker.brokers].flat(), logLevel: logLevel.NOTHING, retry: { retries: 20 } })
    const producer = client.producer({ idempotent: true })
    await producer.connect()
    const messages = Array.from({ length: to - from }, (_, n) => ({ value: `${from + n}`, partition: n % 2 }))
    await producer.send({ topic, messages })
    await producer.disconnect()
  }

  /** Every number once, and for each key the counts 1, 2, 3, … without a gap. */
  function exactlyOnce(values: readonly string[], count: number): void {
    const parts = values.map((text) => text.split(':').map(Number))
    expect(parts.map(([, , n]) => n).toSorted((a = 0, b = 0) => a - b)).toEqual(
      Array.from({ length: count }, (_, n) => n),
    )
    for (let key = 0; key < 5; key++) {
      const seen = parts.filter(([k]) => k === key).map(([, nth]) => nth)
      expect(seen.toSorted((a = 0, b = 0) => a - b)).toEqual(seen.map((_, at) => at + 1))
    }
  }

  /** Resolves when the condition holds after an event of the job. */
  function until(handle: JobHandle, holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      handle.done.catch(reject)
      const look = (): void => {
        if (holds()) resolve()
        else setTimeout(look, 50)
      }
      look()
    })
  }

  it.each([
    ['broker', () => broker],
    ['Redis', () => store],
  ] as const)('%s: the job waits, loses nothing, and goes on when it is back', async (what, server) => {
    const name = `away-${what.toLowerCase()}`
    await broker.createTopic(`${name}-in`, { partitions: 2 })
    await broker.createTopic(`${name}-out`, { partitions: 1 })
    const events: WorkerEvent[] = []
    const handle = counting(name).start({
      log: kafka({ brokers: broker.brokers, requestTimeoutMs: 3000, retryTimeoutMs: 3000, deliveryTimeoutMs: 4000 }),
      state: redis({ url: store.url, retryTimeoutMs: 1000 }),
      logger: silentLogger,
      parallelism: 2,
      epochInterval: 100,
      onEvent: (event) => events.push(event),
    })
    await handle.ready
    await produce(`${name}-in`, 0, 500)
    await until(handle, () => handle.status().workers.some(({ totals }) => totals.recordsOut > 0))
    await produce(`${name}-in`, 500, 1000)
    await server().kill()
    const disturbed = (): boolean =>
      events.some(({ kind }) => kind === 'task-failed' || kind === 'membership-lost') ||
      handle.health().state !== 'running'
    if (what === 'Redis') await until(handle, disturbed)
    expect(handle.health().live).toBe(true)
    await server().restart()
    await produce(`${name}-in`, 1000, 1500)
    while ((await committedAll(`${name}-out`)).length < 1500) expect(handle.health().live).toBe(true)
    const result = await handle.stop()
    expect(result.outcome).toBe('stopped')
    const all = await committedAll(`${name}-out`)
    exactlyOnce(all, 1500)
    for (const event of events) {
      if (event.kind === 'task-failed') expect(event.restartInMs).not.toBeNull()
    }
  })

  /** Everything committed in a topic, up to its end. */
  async function committedAll(topic: string): Promise<string[]> {
    const log = kafka({ brokers: broker.brokers }).create({ clock: systemClock, logger: silentLogger })
    await log.connect()
    const [end = 0] = await log.offsets([{ topic, partition: 0 }], 'latest')
    let available = Promise.withResolvers<void>()
    const reader = log.createReader({ maxBufferedBytes: 1 << 20, onAvailable: () => available.resolve() })
    reader.add([{ topic, partition: 0, offset: 0 }])
    const values: string[] = []
    for (let next = 0; next < end; ) {
      const batch = reader.take()
      if (batch === undefined) {
        await available.promise
        available = Promise.withResolvers<void>()
        continue
      }
      for (let at = 0; at < batch.count; at++) {
        values.push(JSON.parse(batch.buffer.toString('utf8', batch.valueStarts[at], batch.valueEnds[at])))
      }
      next = batch.nextOffset
    }
    await reader.close()
    await log.close()
    return values
  }
})
