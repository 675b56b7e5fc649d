import { job, memoryLog, memoryState, watermarks } from '@millrace/core'
import type { Sink } from '@millrace/core/spi'
import { FlinkCep } from '../peers/flink-cep.ts'
import { median } from '../report/statistics.ts'
import { found } from './click-job.ts'
import { fromKafka, millrace, type PatternRunResult } from './kafka-rounds.ts'
import { type Click, makeClicks, patterns } from './patterns.ts'

/*
 * Patterns over keyed events in event time: from memory, where the engine and the matcher alone are measured, and from Kafka to
 * Kafka. A run is a whole job, with its epochs and commits.
 */

export interface MemoryResult {
  readonly pattern: string
  readonly eventsPerSecond: number
  readonly runs: readonly number[]
  readonly matches: number
}

export interface CepResult {
  readonly memory: readonly MemoryResult[]
  readonly kafka: readonly PatternRunResult[]
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

export async function benchCep(
  options: {
    readonly runs: number
    readonly events: number
    readonly from: { readonly memory: boolean; readonly kafka: boolean }
    readonly patterns: readonly string[] | null
    /** From Kafka, in turns with Flink CEP. */
    readonly hasPeer: boolean
  },
  say: (line: string) => void,
): Promise<CepResult> {
  const clicks = makeClicks(options.events)
  const names = Object.keys(patterns).filter((name) => options.patterns?.some((part) => name.includes(part)) ?? true)
  const memory: MemoryResult[] = []
  for (const name of options.from.memory ? names : [])
    memory.push(await measureFromMemory(name, clicks, options.runs, say))
  const systems = options.hasPeer ? [millrace, new FlinkCep()] : [millrace]
  const runs = options.from.kafka ? await fromKafka(names, clicks, { rounds: options.runs, systems }, say) : []
  return { memory, kafka: runs }
}

async function measureFromMemory(
  name: string,
  clicks: readonly Click[],
  count: number,
  say: (line: string) => void,
): Promise<MemoryResult> {
  await fromMemory(name, clicks.slice(0, Math.ceil(clicks.length / 8)))
  const runs: Run[] = []
  for (let at = 0; at < count; at++) runs.push(await fromMemory(name, clicks))
  const [{ matches }] = runs as [Run]
  if (runs.some((each) => each.matches !== matches)) throw new Error(`${name}: not every run found ${matches} matches`)
  const rates = runs.map(({ eventsPerSecond }) => Math.round(eventsPerSecond))
  const eventsPerSecond = median(rates)
  say(
    `${name.padEnd(26)} from memory ${eventsPerSecond.toLocaleString('en').padStart(10)} events/s   ${matches} matches`,
  )
  return { pattern: name, eventsPerSecond, runs: rates, matches }
}
