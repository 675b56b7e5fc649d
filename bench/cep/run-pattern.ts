import { kafka, redis } from '@millrace/core'
import { FIRST_RECORD, patternJob, run } from './pattern-job.ts'

let firstReadAt = Number.POSITIVE_INFINITY
const announced = new BroadcastChannel(FIRST_RECORD)
announced.unref()
announced.onmessage = ({ data }: { readonly data: unknown }): void => {
  firstReadAt = Math.min(firstReadAt, data as number)
}

let commitP50Ms = 0
let commitP99Ms = 0
const handle = patternJob.start({
  log: kafka({ brokers: run.brokers }),
  state: redis({ url: run.redisUrl }),
  parallelism: run.parallelism,
  slots: run.parallelism,
  epochInterval: run.commitMs,
})
const watch = setInterval(() => {
  for (const { tasks } of handle.status().workers) {
    for (const { epochDurationMs } of tasks) {
      commitP50Ms = Math.max(commitP50Ms, epochDurationMs.p50)
      commitP99Ms = Math.max(commitP99Ms, epochDurationMs.p99)
    }
  }
}, 100)
await handle.done
const endedAtMs = Date.now()
clearInterval(watch)
const { user, system } = process.cpuUsage()
console.log(
  JSON.stringify({
    steadyMs: endedAtMs - firstReadAt,
    endedAtMs,
    cpuMs: (user + system) / 1000,
    peakRssMb: process.resourceUsage().maxRSS / 1024,
    commitP50Ms,
    commitP99Ms,
  }),
)
process.exit(0)
