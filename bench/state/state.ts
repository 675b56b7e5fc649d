import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  type Collector,
  type DataStream,
  type Job,
  job,
  memoryLog,
  redis,
  silentLogger,
  valueState,
} from '@millrace/core'
import type { Sink } from '@millrace/core/spi'
import { RedisServer } from '@millrace/testcontainers'
import { median } from '../report/statistics.ts'

/*
 * A keyed counter with its state in Redis, committed every second: how fast it counts when the keys are few, many, and ten
 * times more than its cache holds; what a commit costs for each changed key; how long a restart takes.
 */

interface Case {
  readonly name: string
  readonly keys: number
  readonly cacheKeys: number | null
  /** Most records are of few keys, by Zipf's law with an exponent of about 1; else all keys are alike. */
  readonly skewed: boolean
  /** Of the records that are asked for: what is fast needs more of them. */
  readonly share: number
}

export interface StateResult {
  readonly case: string
  readonly updatesPerSecond: number
  /** Time from a barrier until its epoch is applied, for each key that changed in it; the counter goes on meanwhile. */
  readonly commitMicrosPerKey: number
  /** What is alive at the end. */
  readonly heapMegabytes: number
  readonly runs: readonly number[]
}

export interface RestoreResult {
  readonly case: string
  /** From the start to the first record, for each million keys. */
  readonly secondsPerMillionKeys: number
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const CACHE = 500_000
const cases: readonly Case[] = [
  { name: '10,000 keys', keys: 10_000, cacheKeys: null, skewed: false, share: 60 },
  { name: '1 M keys', keys: 1_000_000, cacheKeys: null, skewed: false, share: 4 },
  { name: '5 M keys, cache of 500,000', keys: 5_000_000, cacheKeys: CACHE, skewed: false, share: 1 },
  { name: '5 M keys, cache of 500,000, skewed', keys: 5_000_000, cacheKeys: CACHE, skewed: true, share: 2 },
]

const discard: Sink<unknown> = {
  name: 'discard',
  guarantee: 'idempotent',
  async open() {
    return { write() {}, async flush() {}, async close() {} }
  },
}

/** Spreads numbers over the keys, the same in every run. */
function keyOf(index: number, { keys, skewed }: Case): number {
  let hash = Math.imul(index ^ (index >>> 16), 0x45d9f3b)
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b)
  const unit = ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
  // The inverse of the distribution function of 1/x.
  return Math.floor(skewed ? keys ** unit - 1 : unit * keys)
}

function counter(name: string, make: (index: number) => number, count: number | null): Job {
  return job(name, (env) => {
    const keys: DataStream<number> = env.generate(count === null ? { make } : { make, count })
    keys
      .keyBy((key) => key)
      .process({
        state: { count: valueState({ initial: 0 }) },
        onRecord(_key, { state: { count: held } }, out: Collector<number>) {
          held.set(held.get() + 1)
          out.emit(held.get())
        },
      })
      .to(discard)
  })
}

interface Measured {
  readonly updatesPerSecond: number
  readonly commitMicrosPerKey: number
  readonly heapMegabytes: number
}

/** Counts so many records, from when every key has come once. */
async function measure(url: string, name: string, of: Case, records: number): Promise<Measured> {
  const make = (index: number): number => (index < of.keys ? index : keyOf(index, of))
  const handle = counter(name, make, null).start({
    log: memoryLog(),
    state: redis({ url }),
    logger: silentLogger,
    ...(of.cacheKeys === null ? {} : { stateCache: { maxKeys: of.cacheKeys } }),
  })
  const seen = (): { records: number; epochs: number; changes: number; p50: number; ms: number } => {
    const task = handle.status().workers[0]?.tasks[0]
    return {
      records: task?.recordsIn ?? 0,
      epochs: task?.epochs ?? 0,
      changes: metric(handle.metrics(), 'millrace_epoch_changes_total'),
      p50: task?.epochDurationMs.p50 ?? 0,
      ms: performance.now(),
    }
  }
  const until = async (count: number): Promise<ReturnType<typeof seen>> => {
    while (seen().records < count) await Promise.race([pause(20), handle.done])
    return seen()
  }
  const before = await until(of.keys)
  const after = await until(of.keys + records)
  collectGarbage()
  const heap = process.memoryUsage().heapUsed
  await handle.stop()
  const epochs = Math.max(1, after.epochs - before.epochs)
  return {
    updatesPerSecond: ((after.records - before.records) / (after.ms - before.ms)) * 1_000,
    commitMicrosPerKey: (after.p50 * 1_000 * epochs) / (after.changes - before.changes),
    heapMegabytes: heap / 2 ** 20,
  }
}

/** From the start of a job with so many stored keys to its first record, in seconds for each million keys. */
async function measureRestore(url: string, name: string, keys: number, cacheKeys: number | null): Promise<number> {
  const make = (index: number): number => index % keys
  const log = memoryLog()
  const options = {
    log,
    state: redis({ url }),
    logger: silentLogger,
    ...(cacheKeys === null ? {} : { stateCache: { maxKeys: cacheKeys } }),
  }
  const until = async (handle: ReturnType<Job['start']>, records: number): Promise<void> => {
    while ((handle.status().workers[0]?.tasks[0]?.recordsIn ?? 0) < records) await Promise.race([pause(5), handle.done])
  }
  const first = counter(name, make, null).start(options)
  await until(first, keys)
  await first.stop()
  const from = performance.now()
  const second = counter(name, make, null).start(options)
  await until(second, 1)
  const seconds = (performance.now() - from) / 1_000
  await second.stop()
  return (seconds * 1e6) / keys
}

function metric(text: string, name: string): number {
  return [...text.matchAll(new RegExp(`^${name}(?:{[^}]*})? ([0-9.e+]+)$`, 'gm'))].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  )
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

export async function benchState(
  { runs, records }: { readonly runs: number; readonly records: number },
  say: (line: string) => void,
): Promise<{ readonly updates: StateResult[]; readonly restores: RestoreResult[] }> {
  await using server = await RedisServer.start()
  const updates: StateResult[] = []
  for (const of of cases) {
    const results: Measured[] = []
    for (let run = 0; run < runs; run++) {
      results.push(await measure(server.url, `state-${updates.length}-${run}`, of, records * of.share))
    }
    const middle = (value: (result: Measured) => number): number => median(results.map(value))
    const result: StateResult = {
      case: of.name,
      updatesPerSecond: Math.round(middle((one) => one.updatesPerSecond)),
      commitMicrosPerKey: Number(middle((one) => one.commitMicrosPerKey).toFixed(2)),
      heapMegabytes: Math.round(middle((one) => one.heapMegabytes)),
      runs: results.map((one) => Math.round(one.updatesPerSecond)),
    }
    updates.push(result)
    say(
      `${of.name.padEnd(36)} ${result.updatesPerSecond.toLocaleString('en').padStart(10)} updates/s   ${String(result.commitMicrosPerKey).padStart(6)} µs a changed key   heap ${result.heapMegabytes} MB`,
    )
  }
  const restores: RestoreResult[] = []
  for (const cacheKeys of [null, CACHE]) {
    const seconds: number[] = []
    for (let run = 0; run < runs; run++) {
      seconds.push(await measureRestore(server.url, `restore-${cacheKeys ?? 'all'}-${run}`, 1_000_000, cacheKeys))
    }
    const name = cacheKeys === null ? 'restart, all on the heap' : 'restart, with a cache'
    const result = { case: name, secondsPerMillionKeys: Number(median(seconds).toFixed(2)) }
    restores.push(result)
    say(`${name.padEnd(36)} ${result.secondsPerMillionKeys} s for each million keys`)
  }
  return { updates, restores }
}
