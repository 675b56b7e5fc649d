import { kafka, redis } from '@millrace/core'
import { JobMeasure } from './job-measure.ts'
import { FIRST_RECORD, nexmark, run } from './query-job.ts'

const measure = new JobMeasure(FIRST_RECORD)
const handle = nexmark.start({
  log: kafka({ brokers: run.brokers }),
  state: redis({ url: run.redisUrl }),
  parallelism: run.parallelism,
  slots: run.parallelism,
  epochInterval: run.epochMs,
  stopOnSignals: true,
})
const measured = measure.of(handle)
await handle.ready
process.send?.({ kind: 'ready' })
console.log(JSON.stringify(await measured))
process.exit(0)
