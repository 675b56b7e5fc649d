import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { job, json, kafka, memoryState, redis, silentLogger } from '../../src/index.ts'
import type { Log } from '../../src/log/log.ts'
import { systemClock } from '../../src/time/clock.ts'
import { readCommitted } from '../contract/log-contract/fixture.ts'
import { threaded } from './thread-job.ts'

let broker: KafkaServer
let state: RedisServer
let log: Log

beforeAll(async () => {
  ;[broker, state] = await Promise.all([KafkaServer.start(), RedisServer.start()])
  log = kafka({ brokers: broker.brokers }).create({ clock: systemClock, logger: silentLogger })
  await log.connect()
  await log.createTopics(['threads-in', 'threads-out'].map((name) => ({ name, partitions: 4 })))
  const writer = log.createWriter({
    transactionalId: null,
    transactionTimeoutMs: 10_000,
    maxBufferedBytes: 1 << 24,
    onAvailable: () => {},
  })
  await writer.init()
  const output = await writer.output('threads-in')
  for (let n = 0; n < 4_000; n++) output.append(n % 4, n, null, { key: n % 100 }, json<{ key: number }>())
  writer.seal()
  await writer.flush()
  await writer.close()
})

afterAll(async () => {
  await log?.close()
  await Promise.all([broker?.stop(), state?.stop()])
})

it('runs slots on threads, each a member of the group, and counts every record once', async () => {
  const handle = threaded.start({
    log: kafka({ brokers: broker.brokers }),
    state: redis({ url: state.url }),
    parallelism: 4,
    slots: 2,
    epochInterval: '100ms',
  })
  await handle.ready
  expect(handle.status().workers).toHaveLength(2)
  const { outcome, recordsOut } = await handle.done
  expect(outcome).toBe('finished')
  expect(recordsOut).toBe(4_000)
  expect(new Set(handle.status().workers.map((worker) => worker.memberId)).size).toBe(2)
  const seen = (await readCommitted(log, 'threads-out', 4)).seen.map(
    ({ value }) => JSON.parse(value as string) as { key: number; seen: number },
  )
  const highest = new Map<number, number>()
  for (const row of seen) highest.set(row.key, Math.max(highest.get(row.key) ?? 0, row.seen))
  expect(seen).toHaveLength(4_000)
  expect([...highest.values()]).toEqual(new Array(100).fill(40))
  const text = handle.metrics()
  expect(text.match(/# TYPE millrace_records_in_total/g)).toHaveLength(1)
  expect(text).toContain('slot="1"')
})

it('refuses threads for what lives on one thread', async () => {
  const options = { log: kafka({ brokers: broker.brokers }), slots: 2, allowVolatileState: true }
  const collecting = job('collecting', (env) => {
    env.topic('threads-in', json(), { bounded: true }).collect([])
  })
  await expect(threaded.run({ ...options, state: memoryState() })).rejects.toThrow(/each would have a 'memory' state/)
  await expect(collecting.run({ ...options, state: redis({ url: state.url }) })).rejects.toThrow(
    /hands records to an object/,
  )
})
