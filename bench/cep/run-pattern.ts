import { kafka, redis } from '@millrace/core'
import { JobMeasure } from '../nexmark/job-measure.ts'
import { FIRST_RECORD, patternJob, run } from './pattern-job.ts'

const measure = new JobMeasure(FIRST_RECORD)
const handle = patternJob.start({
  log: kafka({ brokers: run.brokers }),
  state: redis({ url: run.redisUrl }),
  parallelism: run.parallelism,
  slots: run.parallelism,
  epochInterval: run.commitMs,
})
console.log(JSON.stringify(await measure.of(handle)))
process.exit(0)
