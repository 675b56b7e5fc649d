import { kafka, redis } from '@millrace/core'
import { FIRST_RECORD, nexmark, run } from './query-job.ts'
import type { QueryMeasure } from './query-process.ts'

let firstReadAt = Number.POSITIVE_INFINITY
const announced = new BroadcastChannel(FIRST_RECORD)
announced.unref()
announced.onmessage = ({ data }: { readonly data: unknown }): void => {
  firstReadAt = Math.min(firstReadAt, data as number)
}

let commitP50Ms = 0
let commitP99Ms = 0
const handle = nexmark.start({
  log: kafka({ brokers: run.brokers }),
  state: redis({ url: run.redisUrl }),
  parallelism: run.parallelism,
  slots: run.parallelism,
  epochInterval: run.epochMs,
  stopOnSignals: true,
})
const watch = setInterval(() => {
  for (const { tasks } of handle.status().workers) {
    for (const { epochDurationMs } of tasks) {
      commitP50Ms = Math.max(commitP50Ms, epochDurationMs.p50)
      commitP99Ms = Math.max(commitP99Ms, epochDurationMs.p99)
    }
  }
}, 100)
await handle.ready
process.send?.({ kind: 'ready' })
await handle.done
const endedAtMs = Date.now()
clearInterval(watch)
const { user, system } = process.cpuUsage()
const measure: QueryMeasure = {
  steadyMs: endedAtMs - firstReadAt,
  endedAtMs,
  cpuMs: (user + system) / 1000,
  peakRssMb: process.resourceUsage().maxRSS / 1024,
  commitP50Ms,
  commitP99Ms,
}
console.log(JSON.stringify(measure))
process.exit(0)
