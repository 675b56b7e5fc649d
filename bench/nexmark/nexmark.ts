import { kafka, silentLogger } from '@millrace/core'
import { type Log, systemClock } from '@millrace/core/spi'
import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { Inputs } from './inputs.ts'
import { type LatencyResult, measureLatency } from './latency.ts'
import { measureRun, type RunResult } from './measure-run.ts'
import { type QueryName, queryNames } from './queries/index.ts'
import { runHeader, runLine, summaryTables } from './report.ts'
import { type System, systemNames } from './system.ts'

export interface NexmarkBenchOptions {
  readonly rounds: number
  readonly events: number
  /** Null: all. */
  readonly queries: readonly string[] | null
  readonly parallelism: readonly number[]
  /** They take turns, in another order in each round. */
  readonly systems: readonly System[]
  /** Events for the runs that are named in `slow`; null: as many as for the others. */
  readonly peerEvents: number | null
  /** As `streams:q11`. */
  readonly slow: readonly string[]
  /** Null: a Kafka of its own is started. */
  readonly brokers: string | null
  readonly topic: string
  /** Measure latency at a fixed rate too. */
  readonly latency: boolean
}

export interface NexmarkResult {
  readonly events: number
  readonly commitMs: number
  readonly systems: readonly { readonly name: string; readonly title: string }[]
  readonly runs: readonly RunResult[]
  readonly latency: readonly LatencyResult[]
}

const COMMIT_MS = 1_000
export async function benchNexmark(options: NexmarkBenchOptions, say: (line: string) => void): Promise<NexmarkResult> {
  checkOptions(options)
  const queries = chosenQueries(options.queries)
  for (const system of options.systems) {
    say(`preparing ${system.title}`)
    await system.prepare()
  }
  const own = options.brokers === null ? await KafkaServer.start({ jvm: ['-Xms1g', '-Xmx1g'] }) : null
  const brokers = own?.brokers ?? (options.brokers ?? '').split(',')
  const log = kafka({ brokers }).create({ clock: systemClock, logger: silentLogger })
  try {
    await log.connect()
    const runs = await runAll({ ...options, queries, log, brokers, brokerPid: own?.pid }, say)
    for (const line of summaryTables(options.systems, runs)) say(line)
    const latency = options.latency ? await latencyOf(brokers, say) : []
    const systems = options.systems.map(({ name, title }) => ({ name, title }))
    return { events: options.events, commitMs: COMMIT_MS, systems, runs, latency }
  } finally {
    await log.close()
    await own?.stop()
  }
}

function chosenQueries(names: readonly string[] | null): readonly QueryName[] {
  return names?.map(queryNamed) ?? queryNames
}

function queryNamed(name: string): QueryName {
  const found = queryNames.find((known) => known === name)
  if (found === undefined) throw new Error(`There is no query ${name}; there are ${queryNames.join(', ')}.`)
  return found
}

function checkOptions({ rounds, events, peerEvents, parallelism, slow }: NexmarkBenchOptions): void {
  const numbers = { rounds: [rounds], events: [events], 'peer-events': [peerEvents ?? 1], parallelism }
  for (const [name, values] of Object.entries(numbers)) {
    for (const value of values) {
      if (!Number.isSafeInteger(value) || value < 1)
        throw new Error(`--${name} must be a whole number from 1, not ${value}.`)
    }
  }
  for (const name of slow) {
    const [system, query = ''] = name.split(':')
    queryNamed(query)
    if (!systemNames.some((known) => known === system)) {
      throw new Error(`--slow names a system and a query, as streams:q11, not ${name}.`)
    }
  }
}

interface Surroundings extends Omit<NexmarkBenchOptions, 'brokers' | 'queries'> {
  readonly queries: readonly QueryName[]
  readonly log: Log
  readonly brokers: readonly string[]
  readonly brokerPid: number | undefined
}

async function runAll(bench: Surroundings, say: (line: string) => void): Promise<RunResult[]> {
  const { log, brokers, brokerPid } = bench
  const inputs = new Inputs(log, bench.topic, say)
  const results: RunResult[] = []
  await inputs.topic(bench.events)
  say(runHeader)
  for (const { round, query, parallelism, system } of turns(bench)) {
    const form = system.outputForm(query)
    if (form === null) continue
    const isSlow = bench.slow.includes(`${system.name}:${query}`)
    const events = isSlow ? (bench.peerEvents ?? bench.events) : bench.events
    const input = await inputs.topic(events)
    const output = `${input}-${query}-${system.name}-${Date.now().toString(36)}`
    const run = { query, brokers, input, output, events, parallelism, commitMs: COMMIT_MS }
    const result = await measureRun(system, form, run, { log, brokerPid, check: inputs.check(query, events), round })
    results.push(result)
    say(runLine(result))
    refuseWrongRows(result)
  }
  return results
}

interface Turn {
  readonly round: number
  readonly query: QueryName
  readonly parallelism: number
  readonly system: System
}

/** In each round every query is run by all systems, one after the other; another one begins than in the round before. */
function turns({ rounds, queries, parallelism, systems }: Surroundings): Turn[] {
  return Array.from({ length: rounds }, (_, round) => round).flatMap((round) => {
    const order = systems.map((_, at) => systems[(at + round) % systems.length] as System)
    return queries.flatMap((query) =>
      parallelism.flatMap((tasks) => order.map((system) => ({ round, query, parallelism: tasks, system }))),
    )
  })
}

/** What is measured must be right; what the peers give is only told. */
function refuseWrongRows({ system, query, difference }: RunResult): void {
  if (system !== 'millrace' || difference === null || difference.missing + difference.extra === 0) return
  throw new Error(
    `${query} gave wrong rows: of ${count(difference.expected)} ${count(difference.missing)} are missing, and ` +
      `${count(difference.extra)} are too many.\nMissing: ${difference.missingRows.join('\n')}\nToo many: ${difference.extraRows.join('\n')}`,
  )
}

async function latencyOf(brokers: readonly string[], say: (line: string) => void): Promise<LatencyResult[]> {
  const state = await RedisServer.start()
  try {
    return await measureLatency(brokers, state.url, say)
  } finally {
    await state.stop()
  }
}

function count(value: number): string {
  return value.toLocaleString('en')
}
