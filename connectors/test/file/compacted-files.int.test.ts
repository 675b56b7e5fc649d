import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { job, json, kafka, memoryState } from '@millrace/core'
import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { temporaryDirectory } from './temporary-directory.ts'

const RECORDS = 60_000
const directory = join(temporaryDirectory(), 'files')
mkdirSync(directory)
const visible = (): string[] => readdirSync(directory).filter((name) => !name.startsWith('.'))

let broker: KafkaServer
let state: RedisServer
const children: ChildProcess[] = []

beforeAll(async () => {
  ;[broker, state] = await Promise.all([KafkaServer.start(), RedisServer.start()])
  for (const [topic, partitions] of [
    ['numbers', 4],
    ['files', 1],
  ] as const) {
    await broker.createTopic(topic, { partitions })
  }
  await job('filling', (env) => {
    env
      .from(Array.from({ length: RECORDS }, (_, n) => ({ n })))
      .toTopic('numbers', json(), { partition: ({ n }, partitions) => n % partitions })
  }).run({ log: kafka({ brokers: broker.brokers }), state: memoryState(), allowVolatileState: true })
})

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await Promise.all([broker?.stop(), state?.stop()])
})

function startWorker(): ChildProcess {
  const child = fork(
    join(import.meta.dirname, 'compacting-worker.ts'),
    [broker.brokers.join(','), state.url, directory],
    { execArgv: ['--conditions=@millrace/source'] },
  )
  children.push(child)
  return child
}

it('files on Kafka and Redis hold each record once, though workers are killed while they are put together', async () => {
  // Each worker is killed when it has made some files appear; the next one takes over.
  for (let killed = 0; killed < 3; killed++) {
    const before = visible().length
    const child = startWorker()
    const ended = once(child, 'exit')
    while (visible().length <= before && child.exitCode === null) {
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 5))])
    }
    child.kill('SIGKILL')
    await ended
  }
  const [code] = (await once(startWorker(), 'exit')) as [number | null]
  expect(code).toBe(0)
  const numbers = visible().flatMap((name) =>
    readFileSync(join(directory, name), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { n: number }).n),
  )
  expect(numbers.length).toBe(RECORDS)
  expect(new Set(numbers).size).toBe(RECORDS)
  const told: string[] = []
  await job('told', (env) => void env.topic('files', json<string>(), { bounded: true }).collect(told)).run({
    log: kafka({ brokers: broker.brokers }),
    state: memoryState(),
    allowVolatileState: true,
  })
  expect(told.toSorted()).toEqual(
    visible()
      .map((name) => join(directory, name))
      .toSorted(),
  )
})
