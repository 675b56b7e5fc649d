import { type DataStream, job, memoryLog, sliding, watermarks } from '@millrace/core'
import type { Sink } from '@millrace/core/spi'
import { median } from '../report/statistics.ts'

/*
 * Sliding windows: what a record costs with ever more windows over it. The number of results for each record stays the
 * same, since the slide does; only the size of the windows grows.
 */

export interface WindowsResult {
  readonly case: string
  /** Windows that hold each record. */
  readonly windows: number
  readonly microsPerRecord: number
  readonly runs: readonly number[]
}

interface Item {
  readonly key: number
  readonly value: number
  readonly time: number
}

const KEYS = 1_000
const SLIDE_MS = 1_000
/** Ten records of each key for each slide. */
const RECORDS_PER_MS = (KEYS * 10) / SLIDE_MS
const items: readonly Omit<Item, 'time'>[] = Array.from({ length: 8_192 }, (_, n) => ({
  key: (n * 7_919) % KEYS,
  value: n % 1_000,
}))

const timed = watermarks.monotonous<Item>((item) => item.time)

const discard: Sink<unknown> = {
  name: 'discard',
  guarantee: 'idempotent',
  async open() {
    return { write() {}, async flush() {}, async close() {} }
  },
}

const sum = {
  create: () => 0,
  add: (total: number, { value }: Item) => total + value,
  result: (total: number) => total,
}

const cases: Readonly<Record<string, (items: DataStream<Item>, windows: number) => DataStream<unknown>>> = {
  'aggregate that merges': (stream, windows) =>
    stream
      .keyBy((item) => item.key)
      .window(sliding(windows * SLIDE_MS, SLIDE_MS))
      .aggregate({ ...sum, merge: (a, b) => a + b }),
  reduce: (stream, windows) =>
    stream
      .keyBy((item) => item.key)
      .window(sliding(windows * SLIDE_MS, SLIDE_MS))
      .reduce((a, b) => ({ ...b, value: a.value + b.value })),
  'aggregate that does not merge': (stream, windows) =>
    stream
      .keyBy((item) => item.key)
      .window(sliding(windows * SLIDE_MS, SLIDE_MS))
      .aggregate(sum),
}

const SIZES = [1, 5, 20, 60]

/** Microseconds for each record. */
async function runOnce(build: (items: DataStream<Item>) => DataStream<unknown>, records: number): Promise<number> {
  const make = (index: number): Item => ({
    ...(items[index & 8_191] as Omit<Item, 'time'>),
    time: Math.floor(index / RECORDS_PER_MS),
  })
  const bench = job('windows', (env) => {
    build(env.generate({ make, count: records }, { time: timed })).to(discard)
  })
  const { durationMs, recordsIn, recordsOut } = await bench.run({ log: memoryLog() })
  if (recordsIn !== records || recordsOut === 0)
    throw new Error(`${records} made, ${recordsIn} read, ${recordsOut} out.`)
  return (durationMs * 1000) / records
}

export async function benchWindows(
  { runs, records }: { readonly runs: number; readonly records: number },
  say: (line: string) => void,
): Promise<WindowsResult[]> {
  const results: WindowsResult[] = []
  for (const [name, build] of Object.entries(cases)) {
    for (const windows of SIZES) {
      // What does not merge is added to every window: it is measured on less, or it would take minutes.
      const own = name.includes('not') ? Math.round(records / windows ** 0.5) : records
      await runOnce((stream) => build(stream, windows), Math.ceil(own / 8))
      const micros: number[] = []
      for (let run = 0; run < runs; run++) micros.push(await runOnce((stream) => build(stream, windows), own))
      const result = {
        case: name,
        windows,
        microsPerRecord: Number(median(micros).toFixed(3)),
        runs: micros.map((value) => Number(value.toFixed(3))),
      }
      results.push(result)
      say(
        `${name.padEnd(32)} ${String(windows).padStart(3)} windows   ${result.microsPerRecord.toFixed(2).padStart(7)} µs a record`,
      )
    }
  }
  return results
}
