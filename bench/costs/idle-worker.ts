import { kafka, redis } from '@millrace/core'
import { counting } from './job.ts'

/** Runs the job without any input and prints how much of a core it used. */
const { brokers, redisUrl, settleMs, measuredMs } = JSON.parse(process.argv[2] ?? '{}') as {
  brokers: string[]
  redisUrl: string
  settleMs: number
  measuredMs: number
}

const handle = counting.start({ log: kafka({ brokers }), state: redis({ url: redisUrl }) })
await handle.ready
setTimeout(() => {
  const before = process.cpuUsage()
  const startedAt = performance.now()
  setTimeout(async () => {
    const { user, system } = process.cpuUsage(before)
    const percent = ((user + system) / 1000 / (performance.now() - startedAt)) * 100
    await handle.stop()
    console.log(JSON.stringify({ percent }))
  }, measuredMs)
}, settleMs)
