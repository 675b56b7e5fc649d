import { KafkaServer } from '@millrace/testcontainers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type JobHandle, job, json, kafka, memoryState, type RunOptions, silentLogger } from '../../../src/index.ts'
import type { Log } from '../../../src/log/log.ts'
import { systemClock } from '../../../src/time/clock.ts'
import { readCommitted, until } from '../../contract/log-contract/fixture.ts'

/** Longer than any run of these tests: what is seen all the same did not wait for it. */
const NEVER = 3_600_000
let broker: KafkaServer
let log: Log

beforeAll(async () => {
  broker = await KafkaServer.start()
  for (const topic of ['in', 'soon', 'late']) await broker.createTopic(topic)
  log = kafka({ brokers: broker.brokers }).create({ clock: systemClock, logger: silentLogger })
  await log.connect()
})
afterAll(async () => {
  await log?.close()
  await broker?.stop()
})

async function send(texts: readonly string[]): Promise<void> {
  const writer = log.createWriter({
    transactionalId: null,
    transactionTimeoutMs: 10_000,
    maxBufferedBytes: 1 << 24,
    onAvailable: () => {},
  })
  await writer.init()
  const output = await writer.output('in')
  for (const text of texts) output.append(0, 0, null, text, json<string>())
  writer.seal()
  await writer.flush()
  await writer.close()
}

/** Copies the topic, with commits so rarely that there is none while the test runs. */
function copyTo(topic: string, lingerMs: number): JobHandle {
  const run: RunOptions = {
    log: kafka({ brokers: broker.brokers, lingerMs }),
    state: memoryState(),
    allowVolatileState: true,
    guarantee: 'at-least-once',
    epochInterval: NEVER,
    logger: silentLogger,
  }
  return job(`copy-${topic}`, (env) => void env.topic('in', json<string>()).toTopic(topic, json())).start(run)
}

const written = async (topic: string): Promise<number> => (await readCommitted(log, topic)).seen.length

it('a record alone is to be seen when it has lingered, long before a commit; a full batch goes without waiting', async () => {
  const [soon, late] = [copyTo('soon', 5), copyTo('late', NEVER)]
  await Promise.all([soon.ready, late.ready])
  await send(['alone'])
  // Both have the record; one of them holds it back for more.
  const read = ({ workers }: ReturnType<JobHandle['status']>): number =>
    workers.flatMap(({ tasks }) => tasks).reduce((sum, { recordsOut }) => sum + recordsOut, 0)
  await until('both jobs have taken the record', () => read(soon.status()) === 1 && read(late.status()) === 1)
  await until('the record is there', async () => (await written('soon')) === 1)
  expect(await written('late')).toBe(0)

  // More than a batch holds.
  await send(Array.from({ length: 2_000 }, () => 'x'.repeat(1_000)))
  await until('the record has gone with others', async () => (await written('late')) > 0)
  for (const handle of [soon, late]) {
    expect(handle.status().workers.flatMap(({ tasks }) => tasks.map(({ epochs }) => epochs))).toEqual([0])
    await handle.stop()
  }
  // What was held back at the end goes with the last commit.
  expect(await written('late')).toBe(2_001)
})
