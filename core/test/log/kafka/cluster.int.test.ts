import { KafkaCluster, RedisServer } from '@millrace/testcontainers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Collector, job, json, kafka, memoryState, redis, silentLogger, valueState } from '../../../src/index.ts'
import { systemClock } from '../../../src/time/clock.ts'
import { readCommitted } from '../../contract/log-contract/fixture.ts'

const RECORDS = 40_000
const KEYS = 50
let cluster: KafkaCluster
let state: RedisServer

beforeAll(async () => {
  ;[cluster, state] = await Promise.all([KafkaCluster.start(), RedisServer.start()])
  for (const topic of ['in', 'out']) await cluster.createTopic(topic, { partitions: 3 })
  await job('filling', (env) => {
    env
      .from(Array.from({ length: RECORDS }, (_, n) => ({ key: n % KEYS, n })))
      .toTopic('in', json(), { partition: ({ key }, partitions) => key % partitions })
  }).run({ log: kafka({ brokers: cluster.brokers }), state: memoryState(), allowVolatileState: true })
})
afterAll(async () => {
  await Promise.all([cluster?.stop(), state?.stop()])
})

const counting = job('counting', (env) => {
  env
    .topic('in', json<{ readonly key: number; readonly n: number }>(), { bounded: true })
    .keyBy('key')
    .process({
      state: { seen: valueState({ initial: 0 }) },
      onRecord({ key, n }, { state }, out: Collector<unknown>) {
        state.seen.set(state.seen.get() + 1)
        out.emit({ key, n, seen: state.seen.get() })
      },
    })
    .toTopic('out', json())
})

it('a job gives each result once, though the servers that lead its topics are killed and come back while it runs', async () => {
  const handle = counting.start({
    log: kafka({ brokers: cluster.brokers }),
    state: redis({ url: state.url }),
    parallelism: 2,
    epochInterval: '50ms',
    logger: silentLogger,
  })
  const log = kafka({ brokers: cluster.brokers }).create({ clock: systemClock, logger: silentLogger })
  await log.connect()
  const written = async (): Promise<number> => {
    const ends = await log.offsets(
      [0, 1, 2].map((partition) => ({ topic: 'out', partition })),
      'latest',
    )
    return ends.reduce((sum, end) => sum + end, 0)
  }
  // Each in turn, when the job has gone on since the last one.
  for (let partition = 0; partition < 2; partition++) {
    const before = await written()
    while ((await written()) <= before && handle.status().workers.every(({ state: now }) => now !== 'finished')) {
      await Promise.race([handle.done, new Promise((resolve) => setTimeout(resolve, 5))])
    }
    const leader = await cluster.leaderOf('out', partition)
    await leader.kill()
    await leader.restart()
    await cluster.ready()
  }
  expect((await handle.done).outcome).toBe('finished')
  const rows = (await readCommitted(log, 'out', 3)).seen.map(
    ({ value }) => JSON.parse(value as string) as { key: number; n: number; seen: number },
  )
  await log.close()
  expect(rows).toHaveLength(RECORDS)
  expect(new Set(rows.map(({ n }) => n)).size).toBe(RECORDS)
  // The counts of a key come one after the other, each once.
  const perKey = RECORDS / KEYS
  for (let key = 0; key < KEYS; key++) {
    const seen = rows.filter((row) => row.key === key).map((row) => row.seen)
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: perKey }, (_, n) => n + 1))
  }
})
