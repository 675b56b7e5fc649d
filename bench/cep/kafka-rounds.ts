import { setTimeout as delay } from 'node:timers/promises'
import { type DataStream, job, kafka, memoryState, silentLogger } from '@millrace/core'
import { type Log, systemClock } from '@millrace/core/spi'
import { KafkaServer } from '@millrace/testcontainers'
import { lastLine } from '../last-line.ts'
import { withOwnRedis } from '../nexmark/own-redis.ts'
import { CpuWatch } from '../nexmark/process-times.ts'
import type { QueryMeasure } from '../nexmark/query-process.ts'
import type { SystemMeasure } from '../nexmark/system.ts'
import { HashList, hash } from '../nexmark/verify/hash-list.ts'
import { readCommitted } from '../nexmark/verify/output-rows.ts'
import type { JavaRun } from '../peers/java-process.ts'
import { median } from '../report/statistics.ts'
import { clickSerde, type Found } from './click-job.ts'
import { startPattern } from './pattern-process.ts'
import type { Click } from './patterns.ts'

/*
 * Patterns from Kafka to Kafka, exactly-once, with the peers in turns: each run in a process of its own, into a new topic. What is
 * committed there is read back, and must be the same matches in every run of every system.
 */

/** What looks for a pattern. */
export interface PatternSystem {
  readonly name: string
  readonly title: string
  prepare(): Promise<void>
  run(run: JavaRun): Promise<SystemMeasure>
}

export interface PatternRunResult extends SystemMeasure {
  readonly system: string
  readonly pattern: string
  readonly round: number
  readonly eventsPerSecond: number
  readonly brokerCpuMs: number | null
  readonly matches: number
}

const PARTITIONS = 4
const COMMIT_MS = 1_000

export const millrace: PatternSystem = {
  name: 'millrace',
  title: 'Millrace',
  async prepare() {},
  async run(run) {
    const measure = await withOwnRedis((redisUrl) => lastLine<QueryMeasure>(startPattern({ ...run, redisUrl })))
    return { ...measure, dropped: null }
  },
}

export async function fromKafka(
  names: readonly string[],
  clicks: readonly Click[],
  { rounds, systems }: { readonly rounds: number; readonly systems: readonly PatternSystem[] },
  say: (line: string) => void,
): Promise<PatternRunResult[]> {
  for (const system of systems) await system.prepare()
  await using server = await KafkaServer.start({ jvm: ['-Xms1g', '-Xmx1g'] })
  const log = kafka({ brokers: server.brokers }).create({ clock: systemClock, logger: silentLogger })
  await log.connect()
  try {
    await load(log, server.brokers, clicks)
    const results: PatternRunResult[] = []
    const wanted = new Map<string, Float64Array>()
    say(
      'round pattern                    system      events/s   CPU s/M  broker  state   peak MB  state  commit ms   matches',
    )
    for (let round = 0; round < rounds; round++) {
      for (const pattern of names) {
        for (const turn of systems.keys()) {
          const system = systems[(turn + round) % systems.length] as PatternSystem
          const { result, hashes } = await measure(system, pattern, round, { log, server, events: clicks.length })
          const known = wanted.get(pattern) ?? hashes
          wanted.set(pattern, known)
          say(line(result, clicks.length))
          if (!isSame(known, hashes)) {
            throw new Error(`${system.title} finds other matches of '${pattern}' than the run before it.`)
          }
          results.push(result)
        }
      }
    }
    for (const text of table(names, systems, results, clicks.length)) say(text)
    return results
  } finally {
    await log.close()
  }
}

interface Surroundings {
  readonly log: Log
  readonly server: KafkaServer
  readonly events: number
}

async function measure(
  system: PatternSystem,
  pattern: string,
  round: number,
  { log, server, events }: Surroundings,
): Promise<{ readonly result: PatternRunResult; readonly hashes: Float64Array }> {
  const output = `cep-${system.name}-${Date.now().toString(36)}`
  await log.createTopics([{ name: output, partitions: PARTITIONS, config: { 'retention.ms': '-1' } }])
  const watch = new CpuWatch(server.pid)
  const run = { query: pattern, brokers: server.brokers, input: 'clicks', output, parallelism: 1, commitMs: COMMIT_MS }
  try {
    const measured = await system.run(run)
    const brokerCpuMs = watch.stop(measured.endedAtMs)
    const hashes = new HashList()
    await readCommitted(log, output, PARTITIONS, ({ buffer, valueStarts, valueEnds }, at) => {
      const text = buffer.toString('utf8', valueStarts[at] as number, valueEnds[at])
      const { user, ends, events } = JSON.parse(text) as Found
      hashes.push(hash(`${user} ${ends} ${events.join(' ')}`))
    })
    return {
      result: {
        ...measured,
        system: system.name,
        pattern,
        round,
        eventsPerSecond: Math.round((events * 1_000) / measured.steadyMs),
        brokerCpuMs,
        matches: hashes.length,
      },
      hashes: hashes.sorted(),
    }
  } finally {
    watch.stop(Date.now())
    await log.deleteTopics([output])
    await delay(500)
  }
}

/** Writes the events to the topic, those of a user in one partition. */
async function load(log: Log, brokers: readonly string[], clicks: readonly Click[]): Promise<void> {
  await log.createTopics([{ name: 'clicks', partitions: PARTITIONS, config: { 'retention.ms': '-1' } }])
  const loading = job('cep-load', (env) => {
    const made: DataStream<Click> = env.generate({ make: (at) => clicks[at] as Click, count: clicks.length })
    made.toTopic('clicks', clickSerde, { key: (click) => String(click.user) })
  })
  await loading.run({ log: kafka({ brokers: [...brokers] }), state: memoryState(), allowVolatileState: true })
}

function isSame(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((value, at) => value === b[at])
}

function line(run: PatternRunResult, events: number): string {
  const perMillion = (ms: number | null): string => (ms === null ? '-' : (ms / 1_000 / (events / 1_000_000)).toFixed(1))
  const cells = [
    run.eventsPerSecond.toLocaleString('en').padStart(10),
    perMillion(run.cpuMs).padStart(9),
    perMillion(run.brokerCpuMs).padStart(7),
    perMillion(run.stateCpuMs).padStart(6),
    run.peakRssMb.toFixed(0).padStart(9),
    (run.statePeakRssMb?.toFixed(0) ?? '-').padStart(6),
    `${run.commitP50Ms?.toFixed(0) ?? '-'} / ${run.commitP99Ms?.toFixed(0) ?? '-'}`.padStart(10),
  ]
  return `${run.round + 1}     ${run.pattern.padEnd(26)} ${run.system.padEnd(9)} ${cells.join(' ')}   ${run.matches.toLocaleString('en')}`
}

/** Medians over the rounds, in Markdown; Redis is counted in. */
function table(
  names: readonly string[],
  systems: readonly PatternSystem[],
  results: readonly PatternRunResult[],
  events: number,
): string[] {
  const rows = names.flatMap((pattern) =>
    systems.map(({ name, title }) => {
      const runs = results.filter((run) => run.pattern === pattern && run.system === name)
      const rates = runs.map(({ eventsPerSecond }) => eventsPerSecond)
      const cpu = median(runs.map(({ cpuMs, stateCpuMs }) => cpuMs + (stateCpuMs ?? 0)))
      const memory = Math.max(...runs.map(({ peakRssMb, statePeakRssMb }) => peakRssMb + (statePeakRssMb ?? 0)))
      const range = `${Math.min(...rates).toLocaleString('en')}–${Math.max(...rates).toLocaleString('en')}`
      const share = cpu / 1_000 / (events / 1_000_000)
      return `| ${pattern} | ${title} | ${median(rates).toLocaleString('en')} (${range}) | ${share.toFixed(1)} | ${memory.toFixed(0)} | ${runs[0]?.matches.toLocaleString('en')} |`
    }),
  )
  return ['', '| pattern | | events/s | CPU s/M | peak MB | matches |', '|---|---|---|---|---|---|', ...rows]
}
