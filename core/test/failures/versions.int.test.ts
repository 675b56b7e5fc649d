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
  listState,
  redis,
  type StateDescriptors,
  silentLogger,
  valueState,
} from '../../src/index.ts'

let broker: KafkaServer
let store: RedisServer
beforeAll(async () => {
  ;[broker, store] = await Promise.all([KafkaServer.start(), RedisServer.start()])
  await broker.createTopic('in', { partitions: 2 })
  await broker.createTopic('out', { partitions: 1 })
})
afterAll(async () => {
  await Promise.all([broker?.stop(), store?.stop()])
})

function version(prefix: string, extra: StateDescriptors = {}): Job {
  return job('versions', (env) => {
    env
      .topic('in', json<string>())
      .keyBy((word) => word)
      .process({
        state: { seen: valueState({ initial: 0 }), ...extra },
        onRecord(word, { state }, out: Collector<string>) {
          state.seen.set(state.seen.get() + 1)
          out.emit(`${prefix}${word}${state.seen.get()}`)
        },
      })
      .uid('count')
      .map((text) => text)
      .uid(`version-${prefix}`)
      .toTopic('out', json())
      .uid('sink')
  })
}

function start(target: Job): JobHandle {
  return target.start({
    log: kafka({ brokers: broker.brokers }),
    state: redis({ url: store.url }),
    logger: silentLogger,
    parallelism: 2,
    epochInterval: 50,
    heartbeatInterval: 200,
    sessionTimeout: '3s',
  })
}

async function until(handle: JobHandle, holds: () => boolean): Promise<void> {
  while (!holds()) {
    await Promise.race([handle.done, new Promise((resolve) => setTimeout(resolve, 20))])
  }
}

async function send(word: string): Promise<void> {
  const producer = new Kafka({ brokers: [broker.brokers].flat(), logLevel: logLevel.NOTHING }).producer()
  await producer.connect()
  await producer.send({ topic: 'in', messages: [{ value: JSON.stringify(word), partition: 0 }] })
  await producer.disconnect()
}

const written = (handle: JobHandle): number =>
  handle.status().workers.reduce((sum, { totals }) => sum + totals.recordsOut, 0)

describe('another version of a job in the group, on Kafka and Redis', () => {
  it('stands by and takes over; one whose state does not fit is refused, and the former one can go on', async () => {
    const old = start(version('old-'))
    await old.ready
    await send('a')
    await until(old, () => written(old) === 1)

    const young = start(version('new-'))
    await young.ready
    expect(young.health()).toMatchObject({
      ready: true,
      state: 'standby',
      reason: expect.stringContaining('another version'),
    })
    await old.stop()
    await until(young, () => young.health().state === 'running')
    await send('a')
    await until(young, () => written(young) === 1)

    const misfit = start(version('misfit-', { seen: listState<number>(), added: valueState<number>() }))
    await misfit.ready
    expect(misfit.health().state).toBe('standby')
    const refused = misfit.done.catch((error: unknown) => error)
    await young.stop()
    expect(await refused).toMatchObject({
      code: 'STATE_INCOMPATIBLE',
      differences: [expect.stringMatching(/count\/seen.*value.*list/)],
      where: { job: 'versions', task: expect.stringMatching(/^count\/\d$/) },
    })

    const again = start(version('again-'))
    await again.ready
    await send('a')
    await until(again, () => written(again) === 1)
    expect(await again.stop()).toMatchObject({ outcome: 'stopped' })
  })
})
