import {
  type Collector,
  type DataStream,
  job,
  memoryLog,
  sliding,
  tumbling,
  valueState,
  watermarks,
} from '@millrace/core'
import type { Sink } from '@millrace/core/spi'
import { median } from '../report/statistics.ts'

/*
 * The operators alone: records from memory, results counted and dropped, everything on the embedded log and one thread.
 * A run is a whole job, with its epochs and commits.
 */

export interface EngineResult {
  readonly case: string
  readonly records: number
  /** Median over the runs. */
  readonly recordsPerSecond: number
  readonly runs: readonly number[]
}

interface Item {
  readonly key: number
  readonly value: number
  readonly time: number
}

const KEYS = 1_000
/** Made beforehand and handed out in turn, so that making them is not what is measured. */
const items: readonly Item[] = Array.from({ length: 8_192 }, (_, n) => ({
  key: (n * 7_919) % KEYS,
  value: n % 1_000,
  time: n,
}))

function discard<T>(): Sink<T> {
  return {
    name: 'discard',
    guarantee: 'idempotent',
    async open() {
      return { write() {}, async flush() {}, async close() {} }
    },
  }
}

type Build = (items: DataStream<Item>) => DataStream<unknown>

/** Event time goes on by a millisecond every hundred records. */
const timed = watermarks.monotonous<Item>((item) => item.time)

const cases: Readonly<Record<string, { readonly build: Build; readonly records: number; readonly timed?: boolean }>> = {
  'chain of five: map, filter, map, filter, map': {
    records: 16_000_000,
    build: (stream) =>
      stream
        .map((item) => item.value + 1)
        .filter((value) => value > 0)
        .map((value) => value * 2)
        .filter((value) => value % 2 === 0)
        .map((value) => value - 1),
  },
  'running count of each key': {
    records: 4_000_000,
    build: (stream) =>
      stream
        .keyBy((item) => item.key)
        .process({
          state: { count: valueState({ initial: 0 }) },
          onRecord(_item, { state }, out: Collector<number>) {
            const count = state.count.get() + 1
            state.count.set(count)
            out.emit(count)
          },
        }),
  },
  'tumbling windows, a sum for each key': {
    records: 4_000_000,
    timed: true,
    build: (stream) =>
      stream
        .keyBy((item) => item.key)
        .window(tumbling(1_000))
        .aggregate({ create: () => 0, add: (sum, item) => sum + item.value, result: (sum) => sum }),
  },
  'sliding windows, five for each record': {
    records: 2_000_000,
    timed: true,
    build: (stream) =>
      stream
        .keyBy((item) => item.key)
        .window(sliding(1_000, 200))
        .aggregate({
          create: () => 0,
          add: (sum, item) => sum + item.value,
          merge: (a, b) => a + b,
          result: (sum) => sum,
        }),
  },
}

async function runOnce(build: Build, records: number, isTimed: boolean): Promise<number> {
  const make = isTimed
    ? (index: number): Item => ({ ...(items[index & 8_191] as Item), time: Math.floor(index / 100) })
    : (index: number): Item => items[index & 8_191] as Item
  const bench = job('engine', (env) => {
    build(env.generate({ make, count: records }, isTimed ? { time: timed } : {})).to(discard())
  })
  const { durationMs, recordsIn, recordsOut } = await bench.run({ log: memoryLog() })
  // A rate of records that were lost on the way would be worth nothing.
  const expectedOut = isTimed ? null : records
  if (recordsIn !== records || recordsOut === 0 || (expectedOut !== null && recordsOut !== expectedOut)) {
    throw new Error(`${records} records made, ${recordsIn} read, ${recordsOut} written.`)
  }
  return (records / durationMs) * 1000
}

export async function benchEngine(runs: number, say: (line: string) => void): Promise<EngineResult[]> {
  const results: EngineResult[] = []
  for (const [name, { build, records, timed: isTimed = false }] of Object.entries(cases)) {
    await runOnce(build, records / 8, isTimed)
    const rates: number[] = []
    for (let run = 0; run < runs; run++) rates.push(await runOnce(build, records, isTimed))
    const result = { case: name, records, recordsPerSecond: Math.round(median(rates)), runs: rates.map(Math.round) }
    results.push(result)
    say(`${name.padEnd(48)} ${(result.recordsPerSecond / 1e6).toFixed(2).padStart(7)} million records/s`)
  }
  return results
}
