import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { kafka, memoryLog, silentLogger } from '@millrace/core'
import { type Log, systemClock } from '@millrace/core/spi'
import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { readAll, settled, writeAll } from '../log-access.ts'
import { generateTraffic, type Traffic } from './generator.ts'
import { fraud } from './job.ts'
import type { Payment } from './payments.ts'
import { alertJson, paymentJson, reportJson, topics } from './topics.ts'

export interface OnKafkaOptions {
  readonly seed: number
  readonly payments: number
  readonly say: (line: string) => void
}

export interface OnKafkaResult {
  /** Whether alerts and reports are those of the undisturbed run, each exactly once. */
  readonly identical: boolean
  readonly payments: number
  readonly killedAfterPayments: number
  readonly alerts: { readonly expected: number; readonly committed: number }
  readonly reports: { readonly expected: number; readonly committed: number }
}

const PARTITIONS = 4
const FINISH_WITHIN_MS = 120_000

/** Two workers on real servers, one of which is killed half way; the output is compared with that of an undisturbed run. */
export async function runOnKafka({ seed, payments, say }: OnKafkaOptions): Promise<OnKafkaResult> {
  const traffic = generateTraffic({ seed, payments })
  const expected = await undisturbed(traffic)
  say(`An undisturbed run gives ${expected.alerts.length} alerts and ${expected.reports.length} merchant reports.`)
  say('Starting Kafka and Redis …')
  await using server = await KafkaServer.start()
  await using state = await RedisServer.start()
  const log = kafka({ brokers: server.brokers }).create({ clock: systemClock, logger: silentLogger })
  await log.connect()
  try {
    await log.createTopics(Object.values(topics).map((name) => ({ name, partitions: PARTITIONS })))
    await writeAll(log, topics.payments, traffic.payments, paymentJson, place)
    say(
      `${traffic.payments.length.toLocaleString('en')} payments are in topic '${topics.payments}'. Starting two workers …`,
    )
    const killedAfterPayments = await runWorkers(
      log,
      { brokers: server.brokers, redisUrl: state.url },
      traffic.payments.length,
      say,
    )
    await settled(log, [topics.alerts, topics.reports], PARTITIONS)
    const alerts = canonical(await readAll(log, topics.alerts, PARTITIONS, alertJson))
    const reports = canonical(await readAll(log, topics.reports, PARTITIONS, reportJson))
    const identical = isSame(alerts, expected.alerts) && isSame(reports, expected.reports)
    say(`Committed: ${alerts.length} alerts, ${reports.length} reports.`)
    say(
      identical
        ? 'Every alert and every report is there exactly once.'
        : 'THE OUTPUT DIFFERS from the undisturbed run.',
    )
    return {
      identical,
      payments: traffic.payments.length,
      killedAfterPayments,
      alerts: { expected: expected.alerts.length, committed: alerts.length },
      reports: { expected: expected.reports.length, committed: reports.length },
    }
  } finally {
    await log.close()
  }
}

/** The output of the same job over the same payments, on the embedded log. */
async function undisturbed({ payments }: Traffic): Promise<{ alerts: string[]; reports: string[] }> {
  const provider = memoryLog()
  for (const topic of Object.values(topics)) provider.storage.createTopic(topic, PARTITIONS)
  const log = provider.create({ clock: systemClock, logger: silentLogger })
  await writeAll(log, topics.payments, payments, paymentJson, place)
  await fraud.run({ log: provider })
  return {
    alerts: canonical(await readAll(log, topics.alerts, PARTITIONS, alertJson)),
    reports: canonical(await readAll(log, topics.reports, PARTITIONS, reportJson)),
  }
}

async function runWorkers(
  log: Log,
  servers: { readonly brokers: readonly string[]; readonly redisUrl: string },
  total: number,
  say: (line: string) => void,
): Promise<number> {
  const victim = startWorker(servers)
  const survivor = startWorker(servers)
  try {
    const survived = new Promise<[number | null, string | null]>((resolve) => {
      survivor.once('exit', (code, signal) => resolve([code, signal]))
    })
    let read = 0
    while (read < total / 2) {
      await delay(20)
      read = await committedPayments(log)
    }
    victim.kill('SIGKILL')
    say(
      `SIGKILL to worker ${victim.pid} after ${read.toLocaleString('en')} committed payments; worker ${survivor.pid} takes its tasks over …`,
    )
    const [code, signal] = await Promise.race([
      survived,
      delay(FINISH_WITHIN_MS, null, { ref: false }).then((): [number | null, string | null] => [null, 'time-out']),
    ])
    if (code !== 0) throw new Error(`The surviving worker ended with ${code ?? signal}.`)
    return read
  } finally {
    for (const worker of [victim, survivor]) if (worker.exitCode === null) worker.kill('SIGKILL')
  }
}

function startWorker(servers: { readonly brokers: readonly string[]; readonly redisUrl: string }): ChildProcess {
  const file = fileURLToPath(new URL('./worker.ts', import.meta.url))
  return spawn(process.execPath, [...process.execArgv, file, JSON.stringify(servers)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

/** How many payments the job has read and committed, over all partitions. */
async function committedPayments(log: Log): Promise<number> {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: topics.payments, partition }))
  const offsets = await log.committed(fraud.name, partitions)
  return offsets.reduce((sum, committed) => sum + (committed?.offset ?? 0), 0)
}

function place({ card, time }: Payment): { partition: number; timestamp: number } {
  return { partition: Number(card.slice(card.indexOf('-') + 1)) % PARTITIONS, timestamp: time }
}

/** Rows as text, in an order that does not depend on partitions. */
function canonical(rows: readonly object[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort()
}

function isSame(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((row, at) => row === right[at])
}
