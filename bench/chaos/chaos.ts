import { setTimeout as delay } from 'node:timers/promises'
import { kafka, silentLogger } from '@millrace/core'
import { type Log, systemClock } from '@millrace/core/spi'
import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { countJson, eventJson, matchJson, PARTITIONS, topics, windowJson } from './events.ts'
import { Producer } from './producer.ts'
import { readCommitted } from './read-committed.ts'
import { type FaultKind, faultKinds, makeSchedule } from './schedule.ts'
import { type Comparison, compareCounts, compareMatches, compareWindows, isExact } from './verify.ts'
import { Workers } from './workers.ts'

export interface ChaosOptions {
  readonly seed: number
  readonly durationMs: number
  /** About so long between two faults. */
  readonly betweenMs: number
  readonly ratePerSecond: number
  readonly say: (line: string) => void
}

export interface ChaosResult {
  readonly seed: number
  readonly injected: Readonly<Record<FaultKind, number>>
  readonly records: number
  readonly counts: Comparison
  readonly windows: Comparison
  readonly matches: Comparison
  /** Workers that ended though nobody ended them. */
  readonly unexpected: readonly string[]
  readonly ok: boolean
}

const WORKERS = 3
const MAX_WORKERS = 4
const PARALLELISM = 4
const SESSION_TIMEOUT_MS = 4_000
const FROZEN_MS = SESSION_TIMEOUT_MS + 2_500
const CATCH_UP_MS = 120_000

/** Loads the job on real servers, injects faults by a seeded schedule, and compares every row of the output. */
export async function runChaos({
  seed,
  durationMs,
  betweenMs,
  ratePerSecond,
  say,
}: ChaosOptions): Promise<ChaosResult> {
  await using server = await KafkaServer.start()
  await using state = await RedisServer.start()
  const log = kafka({ brokers: server.brokers }).create({ clock: systemClock, logger: silentLogger })
  await log.connect()
  await log.createTopics(Object.values(topics).map((name) => ({ name, partitions: PARTITIONS })))
  const workers = new Workers(
    { brokers: server.brokers, redisUrl: state.url, parallelism: PARALLELISM, sessionTimeoutMs: SESSION_TIMEOUT_MS },
    seed,
  )
  const injected = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Record<FaultKind, number>
  const producer = new Producer(log, ratePerSecond)
  try {
    for (let started = 0; started < WORKERS; started++) workers.start()
    await producer.start()
    const startedAt = Date.now()
    for (const { atMs, kind } of makeSchedule(seed, durationMs, betweenMs)) {
      await delay(Math.max(0, startedAt + atMs - Date.now()))
      const target = await inject(kind, workers, server, state)
      injected[kind]++
      say(`${((Date.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${kind.padEnd(14)} ${target}`)
    }
    await delay(Math.max(0, startedAt + durationMs - Date.now()))
    await producer.finish()
    say(`${producer.sent.toLocaleString('en')} records sent; waiting for the job to catch up`)
    const isComplete = await caughtUp(log, producer.sent)
    if (!isComplete) say(`not caught up after ${CATCH_UP_MS / 1000} s`)
    await workers.stop()
    const result = await compareAll(log, seed, injected, workers.unexpected)
    if (!result.ok) say(`the workers' last words:\n${workers.log}`)
    return result
  } finally {
    await workers.stop()
    await log.close()
  }
}

async function inject(kind: FaultKind, workers: Workers, server: KafkaServer, state: RedisServer): Promise<string> {
  switch (kind) {
    case 'kill':
      return workers.kill()
    case 'freeze':
      return workers.freeze(FROZEN_MS)
    case 'add':
      return workers.count < MAX_WORKERS ? workers.start() : `${workers.remove()} leaves, as there are ${MAX_WORKERS}`
    case 'remove':
      return workers.count > 1 ? workers.remove() : `${workers.start()} comes, as there is one only`
    case 'restart-kafka':
      await server.restart()
      return 'in an orderly way'
    case 'restart-redis':
      await state.kill()
      await delay(1_500)
      await state.restart()
      return 'after SIGKILL and 1.5 s away'
  }
}

/** Waits until the counts of every record are committed and nothing more comes. */
async function caughtUp(log: Log, records: number): Promise<boolean> {
  const ends = async (topic: string): Promise<number> => {
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition }))
    return (await log.offsets(partitions, 'latest')).reduce((sum, end) => sum + end, 0)
  }
  const deadline = Date.now() + CATCH_UP_MS
  let quietSince = Date.now()
  let before = -1
  while (Date.now() < deadline) {
    // Markers of transactions count as offsets, so this is a lower bound; then it must stay quiet.
    const now = (await ends(topics.counts)) + (await ends(topics.windows)) + (await ends(topics.matches))
    if (now !== before) quietSince = Date.now()
    before = now
    if (now >= records && Date.now() - quietSince > SESSION_TIMEOUT_MS * 2 + 2_000) return true
    await delay(250)
  }
  return false
}

async function compareAll(
  log: Log,
  seed: number,
  injected: Readonly<Record<FaultKind, number>>,
  unexpected: readonly string[],
): Promise<ChaosResult> {
  const events = await readCommitted(log, topics.input, eventJson)
  const counts = compareCounts(events, await readCommitted(log, topics.counts, countJson))
  const windows = compareWindows(events, await readCommitted(log, topics.windows, windowJson))
  const matches = compareMatches(events, await readCommitted(log, topics.matches, matchJson))
  const ok = isExact(counts) && isExact(windows) && isExact(matches) && unexpected.length === 0
  return { seed, injected, records: events.length, counts, windows, matches, unexpected, ok }
}
