import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type FileFormat, readFiles, writeFiles } from '@millrace/connectors'
import { job, kafka, memoryLog, silentLogger } from '@millrace/core'
import { type Log, systemClock } from '@millrace/core/spi'
import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readAll, settled, writeAll } from '../../log-access.ts'
import {
  type Customer,
  customerFiles,
  type LocatedOrder,
  locatedFiles,
  locatedJson,
  type OrdersOptions,
  orderFiles,
  orderJson,
  randomOrders,
  type Total,
  topicsOf,
  totalFiles,
} from '../orders.ts'
import type { WorkerOptions } from '../worker.ts'

const CUSTOMERS = 300
const PARTITIONS = 2
const root = mkdtempSync(join(tmpdir(), 'millrace-killed-'))
const orders = randomOrders(20_000, CUSTOMERS)
const customers = Array.from({ length: CUSTOMERS }, (_, id): Customer => ({ id, city: `city ${id % 7}` }))

const expectedLocated = orders
  .map((order): LocatedOrder => ({ ...order, city: `city ${order.customer % 7}` }))
  .toSorted((a, b) => a.amount - b.amount || a.id - b.id)
const expectedTotals = [...Map.groupBy(orders, ({ customer }) => customer)].map(
  ([customer, own]): Total => ({ customer, amount: own.reduce((sum, { amount }) => sum + amount, 0) }),
)

let broker: KafkaServer
let store: RedisServer
let log: Log

beforeAll(async () => {
  ;[broker, store] = await Promise.all([KafkaServer.start(), RedisServer.start()])
  log = kafka({ brokers: broker.brokers }).create({ clock: systemClock, logger: silentLogger })
  await log.connect()
})
afterAll(async () => {
  await log?.close()
  rmSync(root, { recursive: true, force: true })
  await Promise.all([broker?.stop(), store?.stop()])
})

it.each([
  { between: 'files', parallelism: 1 },
  { between: 'files', parallelism: 2 },
  { between: 'topics', parallelism: 1 },
  { between: 'topics', parallelism: 2 },
] as const)(
  'a bounded job between $between, in $parallelism tasks, is killed while it reads and while it gives, and comes to the same',
  { timeout: 200_000 },
  async ({ between, parallelism }) => {
    const name = `located-${between}-${parallelism}`
    const options: OrdersOptions = { name, between, directory: join(root, name) }
    await prepare(options)
    // Each process dies later than the one before: the job has read some or most, and has given some or most.
    const deaths = [
      { at: 'read', after: 12_000 },
      { at: 'given', after: 100 },
      { at: 'given', after: 9_000 },
    ] as const
    for (const dies of deaths) {
      expect(await work({ ...options, parallelism, dies })).toBe('SIGKILL')
      const { located, totals } = await visible(options)
      // Whatever can be seen is whole, right, and there once.
      expectPart(located, expectedLocated)
      expectPart(totals, expectedTotals)
    }
    expect(await work({ ...options, parallelism, dies: null })).toBe(0)
    if (between === 'topics') await settled(log, [topicsOf(options).located], PARTITIONS)
    const { located, totals } = await visible(options)
    expect(texts(totals).toSorted()).toEqual(texts(expectedTotals).toSorted())
    expect(texts(located).toSorted()).toEqual(texts(expectedLocated).toSorted())
    // Files of a sorted data set are in order by their names.
    if (between === 'files') expect(located).toEqual(expectedLocated)
  },
)

/** Writes what the job reads. */
async function prepare(options: OrdersOptions): Promise<void> {
  const { between, directory } = options
  const topics = topicsOf(options)
  await job('prepare', (env) => {
    env.from(customers).to(writeFiles(join(directory, 'customers'), customerFiles))
    env.from(orders).to(writeFiles(join(directory, 'orders'), orderFiles))
  }).run({ log: memoryLog() })
  if (between === 'files') return
  await log.createTopics(Object.values(topics).map((topic) => ({ name: topic, partitions: PARTITIONS })))
  await writeAll(log, topics.orders, orders, orderJson, ({ id }) => ({ partition: id % PARTITIONS, timestamp: 0 }))
}

/** Runs a worker process; how it ended. */
async function work(options: Omit<WorkerOptions, 'brokers' | 'redisUrl'>): Promise<number | string | null> {
  const file = fileURLToPath(new URL('../worker.ts', import.meta.url))
  const given: WorkerOptions = { ...options, brokers: broker.brokers, redisUrl: store.url }
  const child = spawn(process.execPath, ['--conditions=@millrace/source', file, JSON.stringify(given)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  return signal ?? code
}

/** What anybody sees who looks at the results now. */
async function visible(
  options: OrdersOptions,
): Promise<{ readonly located: LocatedOrder[]; readonly totals: Total[] }> {
  const { between, directory } = options
  return {
    located:
      between === 'topics'
        ? await readAll(log, topicsOf(options).located, PARTITIONS, locatedJson)
        : await contents(join(directory, 'located'), locatedFiles),
    totals: await contents(join(directory, 'totals'), totalFiles),
  }
}

/** Records of the files that are not hidden, in the order of their names. */
async function contents<T>(directory: string, format: FileFormat<T>): Promise<T[]> {
  const seen: T[] = []
  if (!existsSync(directory)) return seen
  const names = readdirSync(directory).filter((name) => !name.startsWith('.'))
  for (const name of names.toSorted()) {
    const one = readFiles(join(directory, name), format, { splitBytes: Number.MAX_SAFE_INTEGER })
    await job('contents', (env) => void env.source(one).collect(seen)).run({ log: memoryLog() })
  }
  return seen
}

function expectPart<T>(part: readonly T[], whole: readonly T[]): void {
  const left = new Set(texts(whole))
  for (const text of texts(part)) expect(left.delete(text), `${text} is there twice or wrong`).toBe(true)
}

/** With the fields in one order. */
function texts(values: readonly unknown[]): string[] {
  return values.map((value) => JSON.stringify(Object.entries(value as object).toSorted(([a], [b]) => (a < b ? -1 : 1))))
}
