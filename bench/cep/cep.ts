import { match } from '@millrace/cep'
import { type DataStream, job, json, kafka, memoryLog, memoryState, watermarks } from '@millrace/core'
import type { Sink } from '@millrace/core/spi'
import { KafkaServer } from '@millrace/testcontainers'
import { median } from '../report/statistics.ts'
import { type Click, makeClicks, patterns } from './patterns.ts'

/*
 * Patterns over keyed events in event time: from memory, where the engine and the matcher alone are measured, and from Kafka to
 * Kafka. A run is a whole job, with its epochs and commits. Every run must find the same number of matches.
 */

export interface CepResult {
  readonly pattern: string
  readonly source: 'memory' | 'kafka'
  readonly eventsPerSecond: number
  readonly runs: readonly number[]
  readonly matches: number
}

const timed = watermarks.monotonous<Click>((click) => click.time)

function counting(counted: { count: number }): Sink<unknown> {
  return {
    name: 'count',
    guarantee: 'idempotent',
    async open() {
      return {
        write() {
          counted.count++
        },
        async flush() {},
        async close() {},
      }
    },
  }
}

function found(clicks: DataStream<Click>, name: string): DataStream<{ user: number; ends: number }> {
  const wanted = patterns[name] as NonNullable<(typeof patterns)[string]>
  return match(clicks.keyBy('user'), wanted, { uid: 'patterns' }).select((_match, { key, timestamp }) => ({
    user: key,
    ends: timestamp,
  }))
}

interface Run {
  readonly eventsPerSecond: number
  readonly matches: number
}

async function fromMemory(name: string, clicks: readonly Click[]): Promise<Run> {
  const counted = { count: 0 }
  const bench = job('cep', (env) => {
    const stream = env.generate({ make: (at) => clicks[at] as Click, count: clicks.length }, { time: timed })
    found(stream, name).to(counting(counted))
  })
  const { durationMs, recordsIn } = await bench.run({
    log: memoryLog(),
    state: memoryState(),
    allowVolatileState: true,
  })
  if (recordsIn !== clicks.length) throw new Error(`${clicks.length} made, ${recordsIn} read`)
  return { eventsPerSecond: (clicks.length * 1_000) / durationMs, matches: counted.count }
}

async function fromKafka(name: string, brokers: readonly string[], serial: number): Promise<Run> {
  const id = `cep-${serial}`
  const counted = { count: 0 }
  const bench = job(id, (env) => {
    const rows = found(env.topic('clicks', json<Click>(), { time: timed, bounded: true }), name)
    rows.toTopic('matches', json())
    rows.to(counting(counted))
  })
  const { durationMs, recordsIn } = await bench.run({
    log: kafka({ brokers: [...brokers] }),
    state: memoryState(),
    allowVolatileState: true,
    epochInterval: '1s',
  })
  return { eventsPerSecond: (recordsIn * 1_000) / durationMs, matches: counted.count }
}

/** Writes the events to a topic, by the job that reads them in the end. */
async function load(brokers: readonly string[], clicks: readonly Click[]): Promise<void> {
  const loading = job('cep-load', (env) => {
    env
      .generate({ make: (at) => clicks[at] as Click, count: clicks.length })
      .toTopic('clicks', json(), { key: (click) => String(click.user) })
  })
  await loading.run({ log: kafka({ brokers: [...brokers] }), state: memoryState(), allowVolatileState: true })
}

export async function benchCep(
  options: {
    readonly runs: number
    readonly events: number
    readonly onlyMemory: boolean
    readonly patterns: readonly string[] | null
  },
  say: (line: string) => void,
): Promise<CepResult[]> {
  const clicks = makeClicks(options.events)
  const results: CepResult[] = []
  const names = Object.keys(patterns).filter((name) => options.patterns?.some((part) => name.includes(part)) ?? true)
  const measure = async (name: string, source: CepResult['source'], run: () => Promise<Run>): Promise<void> => {
    const runs: Run[] = []
    for (let at = 0; at < options.runs; at++) runs.push(await run())
    const [{ matches }] = runs as [Run]
    if (runs.some((each) => each.matches !== matches))
      throw new Error(`${name}: not every run found ${matches} matches`)
    const rates = runs.map(({ eventsPerSecond }) => Math.round(eventsPerSecond))
    const result = { pattern: name, source, eventsPerSecond: median(rates), runs: rates, matches }
    results.push(result)
    say(
      `${name.padEnd(26)} from ${source.padEnd(6)} ${result.eventsPerSecond.toLocaleString('en').padStart(10)} events/s   ${matches} matches`,
    )
  }
  for (const name of names) {
    await fromMemory(name, clicks.slice(0, Math.ceil(clicks.length / 8)))
    await measure(name, 'memory', () => fromMemory(name, clicks))
  }
  if (options.onlyMemory) return results
  await using server = await KafkaServer.start({ jvm: ['-Xmx1g'] })
  await server.createTopic('clicks', { partitions: 4 })
  await server.createTopic('matches', { partitions: 4 })
  await load(server.brokers, clicks)
  let serial = 0
  for (const name of names) {
    await measure(name, 'kafka', () => fromKafka(name, server.brokers, serial++))
  }
  return results
}
