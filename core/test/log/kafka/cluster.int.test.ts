import { KafkaCluster, RedisServer } from '@millrace/testcontainers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Collector, job, json, kafka, memoryState, redis, silentLogger, valueState } from '../../../src/index.ts'
import { systemClock } from '../../../src/time/clock.ts'
import { ends, Probe, readCommitted, until, writePlain } from '../../contract/log-contract/fixture.ts'

const KEYS = 50
const PART = 5_000
const PARTS = 3
const TOTAL = PART * PARTS
let cluster: KafkaCluster
let state: RedisServer

beforeAll(async () => {
  ;[cluster, state] = await Promise.all([KafkaCluster.start(), RedisServer.start()])
  for (const topic of ['in', 'out']) await cluster.createTopic(topic, { partitions: 3 })
})
afterAll(async () => {
  await Promise.all([cluster?.stop(), state?.stop()])
})

/** Writes one part of the input, also while a node is away. */
async function send(part: number): Promise<void> {
  await job(`send-${part}`, (env) => {
    env
      .from(Array.from({ length: PART }, (_, at) => part * PART + at).map((n) => ({ key: n % KEYS, n })))
      .toTopic('in', json(), { partition: ({ key }, partitions) => key % partitions })
  }).run({ log: kafka({ brokers: cluster.brokers }), state: memoryState(), allowVolatileState: true })
}

const counting = job('counting', (env) => {
  env
    .topic('in', json<{ readonly key: number; readonly n: number }>())
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

it('a job gives each result once, though the servers that lead its topics are killed and come back while it runs', {
  timeout: 300_000,
}, async () => {
  const handle = counting.start({
    log: kafka({ brokers: cluster.brokers }),
    state: redis({ url: state.url }),
    parallelism: 2,
    epochInterval: '50ms',
    logger: silentLogger,
  })
  const log = kafka({ brokers: cluster.brokers }).create({ clock: systemClock, logger: silentLogger })
  await log.connect()
  const seen = async (): Promise<readonly { readonly value: string | null }[]> =>
    (await readCommitted(log, 'out', 3)).seen
  // Each part comes while the leader of another partition is away, and is worked off then.
  for (let part = 0; part < PARTS; part++) {
    const leader = await cluster.leaderOf('out', part % 3)
    await leader.kill()
    await send(part)
    await until(`part ${part} is worked off`, async () => (await seen()).length >= (part + 1) * PART)
    await leader.restart()
    await cluster.ready()
  }
  expect((await handle.stop()).outcome).toBe('stopped')
  const rows = (await seen()).map(
    ({ value }) => JSON.parse(value as string) as { key: number; n: number; seen: number },
  )
  await log.close()
  expect(rows).toHaveLength(TOTAL)
  expect(new Set(rows.map(({ n }) => n)).size).toBe(TOTAL)
  // The counts of a key come one after the other, each once.
  const perKey = TOTAL / KEYS
  for (let key = 0; key < KEYS; key++) {
    const counts = rows.filter((row) => row.key === key).map((row) => row.seen)
    expect(counts.toSorted((a, b) => a - b)).toEqual(Array.from({ length: perKey }, (_, n) => n + 1))
  }
})

it('partitions that lie ahead of one wait for it, but not while the server that leads it says nothing', {
  timeout: 120_000,
}, async () => {
  await cluster.createTopic('frozen', { partitions: 3, replicas: 1 })
  const log = kafka({ brokers: cluster.brokers, requestTimeoutMs: 600_000 }).create({
    clock: systemClock,
    logger: silentLogger,
  })
  await log.connect()
  const values = Array.from({ length: 200 }, (_, index) => String(index).padEnd(100))
  for (let batch = 0; batch < 60; batch++) {
    for (let partition = 0; partition < 3; partition++) await writePlain(log, 'frozen', values, partition)
  }
  const target = await ends(log, 'frozen', 3)
  const [frozen, ...others] = target as [(typeof target)[number], ...typeof target]
  let isKnown = false
  const probe = new Probe(log, 1 << 18, (_, partition) => (isKnown ? Math.sign(partition) : Number.NaN))
  probe.reader.add(target.map((end) => ({ ...end, offset: 0 })))
  await until('all are being read', () => {
    probe.takeOne()
    return target.every(({ partition }) => probe.position('frozen', partition) > 0)
  })
  const leader = await cluster.leaderOf('frozen', 0)
  await leader.pause()
  isKnown = true
  const isLedByOther = await Promise.all(
    others.map(async ({ partition }) => (await cluster.leaderOf('frozen', partition)) !== leader),
  )
  const free = others.filter((_, index) => isLedByOther[index])
  expect(free.length).toBeGreaterThan(0)
  await probe.readTo(free)
  expect(probe.position('frozen', 0)).toBeLessThan(frozen.offset)
  await leader.resume()
  await probe.readTo(target)
  for (const { partition } of target) expect(probe.values(partition)).toHaveLength(values.length * 60)
  await probe.reader.close()
  await log.close()
})
