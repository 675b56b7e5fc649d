import { kafka, silentLogger } from '@millrace/core'
import { systemClock } from '@millrace/core/spi'
import { KafkaServer, RedisServer } from '@millrace/testcontainers'
import { median } from '../report/statistics.ts'
import { type LatencyResult, measureLatency } from './latency.ts'
import { loadEvents } from './load.ts'
import { type QueryName, queries } from './queries.ts'
import { lastLine, startQuery } from './query-process.ts'
import type { QueryMeasure } from './run-query.ts'

export interface NexmarkBenchOptions {
  readonly runs: number
  readonly events: number
  /** Null: all. */
  readonly queries: readonly string[] | null
  /** Null: a Kafka of its own is started and filled. */
  readonly brokers: string | null
  readonly topic: string
  /** Measure latency at a fixed rate too. */
  readonly latency: boolean
}

export interface QueryResult {
  readonly query: QueryName
  /** Medians over the runs. */
  readonly eventsPerSecond: number
  readonly runs: readonly number[]
  readonly rows: number
  readonly epochP50Ms: number
  readonly epochP99Ms: number
  readonly cpuSeconds: number
  readonly peakRssMb: number
}

export interface NexmarkResult {
  readonly events: number
  readonly parallelism: number
  readonly epochMs: number
  readonly queries: readonly QueryResult[]
  readonly latency: readonly LatencyResult[]
}

const EPOCH_MS = 1_000
const PARTITIONS = 4
/** Of event time: a million events are a hundred seconds. */
const EVENTS_PER_SECOND = 10_000
const START_MS = 1_700_000_000_000

export async function benchNexmark(options: NexmarkBenchOptions, say: (line: string) => void): Promise<NexmarkResult> {
  const names = (options.queries ?? Object.keys(queries)) as QueryName[]
  for (const name of names)
    if (!(name in queries)) throw new Error(`There is no query ${name}; there are ${Object.keys(queries).join(', ')}.`)
  const own = options.brokers === null ? await KafkaServer.start({ jvm: ['-Xms1g', '-Xmx1g'] }) : null
  const state = await RedisServer.start()
  const brokers = own?.brokers ?? (options.brokers ?? '').split(',')
  try {
    if (own !== null) {
      say(`loading ${options.events.toLocaleString('en')} events into ${options.topic}`)
      await loadEvents(brokers, options.topic, PARTITIONS, options.events, {
        seed: 42,
        ratePerSecond: EVENTS_PER_SECOND,
        startMs: START_MS,
      })
    }
    const results: QueryResult[] = []
    say('query       events/s   (runs)                              rows    epoch p50/p99 ms   cpu s   peak MB')
    for (const query of names) {
      const measures: QueryMeasure[] = []
      for (let run = 0; run < options.runs; run++) {
        measures.push(
          await measureOnce(
            query,
            brokers,
            state.url,
            options.topic,
            `${options.topic}-${query}-${Date.now().toString(36)}`,
          ),
        )
      }
      const result = summarise(query, measures)
      results.push(result)
      say(row(result))
    }
    const latency = options.latency ? await measureLatency(brokers, state.url, say) : []
    return { events: options.events, parallelism: 1, epochMs: EPOCH_MS, queries: results, latency }
  } finally {
    await state.stop()
    await own?.stop()
  }
}

async function measureOnce(
  query: QueryName,
  brokers: readonly string[],
  redisUrl: string,
  input: string,
  output: string,
): Promise<QueryMeasure> {
  const log = kafka({ brokers }).create({ clock: systemClock, logger: silentLogger })
  await log.connect()
  await log.createTopics([{ name: output, partitions: PARTITIONS, config: { 'retention.ms': '-1' } }])
  const child = startQuery({
    query,
    brokers,
    redisUrl,
    input,
    output,
    parallelism: 1,
    epochMs: EPOCH_MS,
    bounded: true,
  })
  const measure = await lastLine(child)
  const ends = await log.offsets(
    Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: input, partition })),
    'latest',
  )
  const expected = ends.reduce((sum, end) => sum + end, 0)
  if (measure.recordsIn !== expected) throw new Error(`${query} read ${measure.recordsIn} of ${expected} events.`)
  await log.deleteTopics([output])
  await log.close()
  return measure
}

function summarise(query: QueryName, measures: readonly QueryMeasure[]): QueryResult {
  const rates = measures.map(({ recordsIn, steadyMs }) => (recordsIn / steadyMs) * 1000)
  const of = (field: keyof QueryMeasure): number => median(measures.map((measure) => measure[field]))
  return {
    query,
    eventsPerSecond: Math.round(median(rates)),
    runs: rates.map(Math.round),
    rows: of('recordsOut'),
    epochP50Ms: Math.round(of('epochP50Ms')),
    epochP99Ms: Math.round(of('epochP99Ms')),
    cpuSeconds: Math.round(of('cpuMs') / 100) / 10,
    peakRssMb: Math.round(of('peakRssMb')),
  }
}

function row({
  query,
  eventsPerSecond,
  runs,
  rows,
  epochP50Ms,
  epochP99Ms,
  cpuSeconds,
  peakRssMb,
}: QueryResult): string {
  const all = runs.map((rate) => rate.toLocaleString('en')).join(' ')
  return (
    `${query.padEnd(6)} ${eventsPerSecond.toLocaleString('en').padStart(13)}   (${all})`.padEnd(58) +
    `${rows.toLocaleString('en').padStart(10)}   ${`${epochP50Ms} / ${epochP99Ms}`.padStart(16)} ${String(cpuSeconds).padStart(7)} ${String(peakRssMb).padStart(9)}`
  )
}
