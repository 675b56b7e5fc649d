import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { kafka, type Serde, silentLogger } from '@millrace/core'
import { type Log, systemClock } from '@millrace/core/spi'
import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { readAll, settled, writeAll } from '../log-access.ts'
import { componentsOf, meansOf } from './direct.ts'
import { points } from './generate.ts'
import type { Edge } from './graphs.ts'
import { componentJson, edgeJson, type JobName, MAX_ROUNDS, pointJson, roundJson, topics } from './jobs.ts'
import type { RoundEnd } from './rounds.ts'
import type { WorkerOptions } from './worker.ts'

export interface KilledOptions {
  readonly name: JobName
  readonly parallelism: number
  /** Vertices of a path, or points. */
  readonly size: number
  /** The first worker is killed when so many rounds are committed. */
  readonly killAfterRounds: number
}

export interface KilledResult {
  /** Whether the result is that of a direct computation, each record exactly once. */
  readonly isRight: boolean
  readonly rounds: number
  /** The last round that every task had committed when the worker had been killed. */
  readonly committedBefore: number
  /** The first round that the second worker ended. */
  readonly resumedWith: number
  /** Rounds that are in the committed output more than once for a task, or not at all. */
  readonly repeatedOrMissing: number
}

const PARTITIONS = 2
const FINISH_WITHIN_MS = 150_000

/** Runs a loop on real servers, kills its worker in the middle of it, and lets another one go on. */
export async function runKilled(options: KilledOptions): Promise<KilledResult> {
  const { name, parallelism, size, killAfterRounds } = options
  await using server = await KafkaServer.start()
  await using state = await RedisServer.start()
  const log = kafka({ brokers: server.brokers }).create({ clock: systemClock, logger: silentLogger })
  await log.connect()
  try {
    await log.createTopics(Object.values(topics).map((topic) => ({ name: topic, partitions: PARTITIONS })))
    const expected = await prepare(log, name, size)
    const worker = { name, parallelism, brokers: server.brokers, redisUrl: state.url }
    const first = new Worker(worker)
    try {
      while ((await committedRounds(log)).length < killAfterRounds * parallelism) await first.running(delay(20))
    } finally {
      await first.kill()
    }
    const before = await committedRounds(log)
    const byTask = Array.from({ length: parallelism }, (_, task) => before.filter((end) => end.task === task))
    const committedBefore = Math.min(...byTask.map((ends) => Math.max(0, ...ends.map(({ round }) => round))))
    const second = new Worker(worker)
    try {
      await second.finished()
    } finally {
      await second.kill()
    }
    await settled(log, Object.values(topics), PARTITIONS)
    const found =
      name === 'components'
        ? await readAll(log, topics.components, PARTITIONS, componentJson)
        : await readAll(log, topics.means, PARTITIONS, pointJson)
    const rounds = await committedRounds(log)
    const last = Math.max(...rounds.map(({ round }) => round))
    const distinct = new Set(rounds.map(({ task, round }) => `${task}/${round}`)).size
    return {
      isRight: JSON.stringify(canonical(found)) === JSON.stringify(canonical(expected)),
      rounds: last,
      committedBefore,
      resumedWith: Math.min(...second.rounds.map(({ round }) => round)),
      repeatedOrMissing: rounds.length - distinct + (last * parallelism - distinct),
    }
  } finally {
    await log.close()
  }
}

/** Writes what the job reads, and computes what it should come to. */
async function prepare(log: Log, name: JobName, size: number): Promise<readonly object[]> {
  if (name === 'components') {
    // A path: the least vertex needs as many rounds to the other end as there are edges.
    const edges = Array.from({ length: size - 1 }, (_, at): Edge => ({ from: at, to: at + 1 }))
    await write(log, topics.edges, edges, edgeJson)
    return componentsOf(edges)
  }
  const all = points(3, size)
  const initial = all.slice(0, 40)
  await write(log, topics.points, all, pointJson)
  await write(log, topics.centroids, initial, pointJson)
  return meansOf(all, initial, MAX_ROUNDS)
}

function write<T>(log: Log, topic: string, values: readonly T[], serde: Serde<T>): Promise<void> {
  let next = 0
  return writeAll(log, topic, values, serde, () => ({ partition: next++ % PARTITIONS, timestamp: 0 }))
}

/** What a reader of committed records sees of the rounds. */
function committedRounds(log: Log): Promise<RoundEnd[]> {
  return readAll(log, topics.rounds, PARTITIONS, roundJson)
}

class Worker {
  readonly rounds: RoundEnd[] = []
  readonly #child: ChildProcess
  readonly #exited: Promise<number | null>

  constructor(options: WorkerOptions) {
    const file = fileURLToPath(new URL('./worker.ts', import.meta.url))
    this.#child = spawn(process.execPath, ['--conditions=@millrace/source', file, JSON.stringify(options)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#child.on('message', (end: RoundEnd) => this.rounds.push(end))
    this.#exited = once(this.#child, 'exit').then(([code]: (number | null)[]) => code ?? null)
  }

  /** Waits, unless the worker ends before. */
  async running(wait: Promise<void>): Promise<void> {
    const ended = await Promise.race([wait.then(() => false), this.#exited.then(() => true)])
    if (ended) throw new Error('The worker ended before it could be killed; give it more to do.')
  }

  async finished(): Promise<void> {
    const code = await Promise.race([this.#exited, delay(FINISH_WITHIN_MS, 'time-out' as const, { ref: false })])
    if (code !== 0) throw new Error(`The second worker ended with ${code}.`)
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL')
    await this.#exited
  }
}

function canonical(rows: readonly object[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort()
}
