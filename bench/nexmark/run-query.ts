import { job, json, kafka, redis, watermarks } from '@millrace/core'
import { eventTime, type NexmarkEvent } from './events.ts'
import { type Query, type QueryName, queries, WATERMARK_DELAY } from './queries.ts'

/** What the measured process is told, as JSON in its first argument. */
export interface QueryRun {
  readonly query: QueryName
  readonly brokers: readonly string[]
  readonly redisUrl: string
  readonly input: string
  readonly output: string
  readonly parallelism: number
  readonly epochMs: number
  readonly bounded: boolean
}

/** What it prints as its last line. */
export interface QueryMeasure {
  readonly recordsIn: number
  readonly recordsOut: number
  readonly epochs: number
  /** From the first record read to the end of the last commit. */
  readonly steadyMs: number
  readonly epochP50Ms: number
  readonly epochP99Ms: number
  readonly cpuMs: number
  readonly peakRssMb: number
}

const run = JSON.parse(process.argv[2] ?? '{}') as QueryRun
let firstReadAt = 0
const time = watermarks.bounded<NexmarkEvent>(run.bounded ? WATERMARK_DELAY : 0, (event) => {
  if (firstReadAt === 0) firstReadAt = performance.now()
  return eventTime(event)
})

const nexmark = job(`nexmark-${run.output}`, (env) => {
  const events = env.topic(run.input, json<NexmarkEvent>(), { time, bounded: run.bounded })
  const query: Query = queries[run.query]
  query(events).toTopic(run.output, json<unknown>())
})

let epochP50Ms = 0
let epochP99Ms = 0
const handle = nexmark.start({
  log: kafka({ brokers: run.brokers }),
  state: redis({ url: run.redisUrl }),
  parallelism: run.parallelism,
  epochInterval: run.epochMs,
  stopOnSignals: true,
})
const watch = setInterval(() => {
  for (const { tasks } of handle.status().workers) {
    for (const { epochDurationMs } of tasks) {
      epochP50Ms = Math.max(epochP50Ms, epochDurationMs.p50)
      epochP99Ms = Math.max(epochP99Ms, epochDurationMs.p99)
    }
  }
}, 100)
await handle.ready
process.send?.({ kind: 'ready' })
const { recordsIn, recordsOut, epochs } = await handle.done
const steadyMs = performance.now() - firstReadAt
clearInterval(watch)
const { user, system } = process.cpuUsage()
const measure: QueryMeasure = {
  recordsIn,
  recordsOut,
  epochs,
  steadyMs,
  epochP50Ms,
  epochP99Ms,
  cpuMs: (user + system) / 1000,
  peakRssMb: process.resourceUsage().maxRSS / 1024,
}
console.log(JSON.stringify(measure))
process.exit(0)
