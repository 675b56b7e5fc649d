import { setTimeout as delay } from 'node:timers/promises'
import { kafka, redis, silentLogger } from '@millrace/core'
import { type Log, systemClock } from '@millrace/core/spi'
import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { inOwnProcess } from '../own-process.ts'
import { type EpochShare, measureEpochShare } from './epoch-share.ts'
import { counting, record, topics } from './job.ts'

export interface CostsResult {
  readonly dirtyKeys: number
  readonly commits: number
  /** From the barrier to the end of the commit, with all keys changed. */
  readonly commitP50Ms: number
  readonly commitP99Ms: number
  /** Of one core, by a job that waits for input. */
  readonly idleCpuPercent: number
  readonly epochShare: EpochShare
}

const DIRTY_KEYS = 10_000
const COMMITS = 15
const IDLE_MS = 10_000

/** What a commit costs when many keys changed, and what waiting costs. On real servers. */
export async function benchCosts(say: (line: string) => void): Promise<CostsResult> {
  await using server = await KafkaServer.start()
  await using state = await RedisServer.start()
  const log = kafka({ brokers: server.brokers }).create({ clock: systemClock, logger: silentLogger })
  await log.connect()
  await log.createTopics(Object.values(topics).map((name) => ({ name, partitions: 4 })))
  const idleCpuPercent = await measureIdle(server.brokers, state.url)
  say(`waiting for input: ${idleCpuPercent.toFixed(2)} % of a core`)
  const { p50, p99, commits } = await measureCommits(log, server.brokers, state.url)
  say(
    `commit of an epoch with ${DIRTY_KEYS.toLocaleString('en')} changed keys: p50 ${p50} ms, p99 ${p99} ms (${commits} commits)`,
  )
  const servers = { brokers: server.brokers, redisUrl: state.url }
  const epochShare = await measureEpochShare(log, servers, DIRTY_KEYS, say)
  await log.close()
  return { dirtyKeys: DIRTY_KEYS, commits, commitP50Ms: p50, commitP99Ms: p99, idleCpuPercent, epochShare }
}

async function measureIdle(brokers: readonly string[], redisUrl: string): Promise<number> {
  const worker = new URL('./idle-worker.ts', import.meta.url)
  const options = { brokers, redisUrl, settleMs: 3_000, measuredMs: IDLE_MS }
  const { percent } = await inOwnProcess<{ percent: number }>(worker, options)
  return percent
}

async function measureCommits(
  log: Log,
  brokers: readonly string[],
  url: string,
): Promise<{ p50: number; p99: number; commits: number }> {
  const writer = log.createWriter({
    transactionalId: null,
    transactionTimeoutMs: 60_000,
    maxBufferedBytes: 1 << 26,
    onAvailable: () => {},
  })
  await writer.init()
  const output = await writer.output(topics.input)
  const handle = counting.start({ log: kafka({ brokers }), state: redis({ url }), epochInterval: '1s' })
  await handle.ready
  for (let round = 0; round < COMMITS; round++) {
    for (let key = 0; key < DIRTY_KEYS; key++) output.append(key % 4, Date.now(), null, { key }, record)
    writer.seal()
    await writer.flush()
    await delay(1_000)
  }
  const [task] = handle.status().workers.flatMap((worker) => worker.tasks)
  const { p50 = Number.NaN, p99 = Number.NaN } = task?.epochDurationMs ?? {}
  const commits = task?.epochs ?? 0
  await handle.stop()
  await writer.close()
  return { p50: Math.round(p50), p99: Math.round(p99), commits }
}
