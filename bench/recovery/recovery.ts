import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { json, kafka, silentLogger } from '@millrace/core'
import { type Log, systemClock } from '@millrace/core/spi'
import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { median } from '../report/statistics.ts'
import type { RecoveryWorker } from './worker.ts'

export interface RecoveryResult {
  readonly sessionTimeoutMs: number
  readonly keys: number
  /** From SIGKILL to the first committed output of the surviving worker, in ms; median and all runs. */
  readonly recoveryMs: number
  readonly runs: readonly number[]
}

/** The shortest that Kafka's default settings allow: most of the recovery is the wait for it. */
const SESSION_TIMEOUT_MS = 6_000
const KEYS = 20_000
const RATE = 5_000
const record = json<{ key: number }>()

/** Kills the worker that has the task, with another one standing by, and waits for output of the other. */
export async function benchRecovery(
  { runs }: { readonly runs: number },
  say: (line: string) => void,
): Promise<RecoveryResult> {
  await using server = await KafkaServer.start()
  await using state = await RedisServer.start()
  const log = kafka({ brokers: server.brokers }).create({ clock: systemClock, logger: silentLogger })
  await log.connect()
  const measured: number[] = []
  for (let run = 0; run < runs; run++) {
    const ms = await measure(log, { brokers: server.brokers, redisUrl: state.url }, run)
    measured.push(ms)
    say(`run ${run + 1}: first committed output ${ms} ms after SIGKILL`)
  }
  await log.close()
  const recoveryMs = median(measured)
  say(
    `median ${recoveryMs} ms, of which ${SESSION_TIMEOUT_MS} ms is the session time-out that tells the group of the loss`,
  )
  return { sessionTimeoutMs: SESSION_TIMEOUT_MS, keys: KEYS, recoveryMs, runs: measured }
}

async function measure(
  log: Log,
  servers: { readonly brokers: readonly string[]; readonly redisUrl: string },
  run: number,
): Promise<number> {
  const names = { name: `recovery-${run}`, input: `recovery-in-${run}`, output: `recovery-out-${run}` }
  await log.createTopics([names.input, names.output].map((name) => ({ name, partitions: 4 })))
  const stopFeeding = await feed(log, names.input)
  const start = (): Worker => new Worker({ ...servers, ...names, sessionTimeoutMs: SESSION_TIMEOUT_MS })
  const owner = start()
  await owner.until(({ recordsOut }) => recordsOut > KEYS)
  const other = start()
  await other.until(({ events }) => events.includes('standby'))
  await delay(1_000)
  owner.child.kill('SIGKILL')
  const killedAt = Date.now()
  const endAt = await endOffset(log, names.output)
  try {
    // What was committed before the kill is below these ends, whatever the open transaction still holds.
    for (;;) {
      if (other.recordsOut > 0 && (await endOffset(log, names.output)) > endAt + 4) return Date.now() - killedAt
      await delay(10)
    }
  } finally {
    await stopFeeding()
    other.child.kill('SIGTERM')
    await other.exited
  }
}

async function endOffset(log: Log, topic: string): Promise<number> {
  const partitions = [0, 1, 2, 3].map((partition) => ({ topic, partition }))
  return (await log.offsets(partitions, 'latest')).reduce((sum, offset) => sum + offset, 0)
}

/** Writes records at a steady rate until the returned function is called. */
async function feed(log: Log, topic: string): Promise<() => Promise<void>> {
  const writer = log.createWriter({
    transactionalId: null,
    transactionTimeoutMs: 60_000,
    maxBufferedBytes: 1 << 24,
    onAvailable: () => {},
  })
  await writer.init()
  const output = await writer.output(topic)
  let sent = 0
  const startedAt = Date.now()
  const timer = setInterval(() => {
    const now = Date.now()
    for (const due = ((now - startedAt) / 1000) * RATE; sent < due; sent++) {
      output.append(sent % 4, now, null, { key: sent % KEYS }, record)
    }
  }, 10)
  return async () => {
    clearInterval(timer)
    await writer.close()
  }
}

class Worker {
  readonly child: ChildProcess
  readonly exited: Promise<void>
  readonly events: string[] = []
  recordsOut = 0

  constructor(options: RecoveryWorker) {
    const file = fileURLToPath(new URL('./worker.ts', import.meta.url))
    this.child = spawn(process.execPath, ['--conditions=@millrace/source', file, JSON.stringify(options)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.exited = new Promise((resolve) => this.child.once('exit', () => resolve()))
    this.child.on('message', (message: { event?: string; recordsOut?: number }) => {
      if (message.event !== undefined) this.events.push(message.event)
      if (message.recordsOut !== undefined) this.recordsOut = message.recordsOut
    })
  }

  async until(condition: (worker: Worker) => boolean): Promise<void> {
    while (!condition(this)) {
      if (this.child.exitCode !== null) throw new Error(`The worker ended with ${this.child.exitCode}.`)
      await delay(20)
    }
  }
}
