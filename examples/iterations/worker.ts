import { kafka, redis } from '@millrace/core'
import { type JobName, jobNamed } from './jobs.ts'

export interface WorkerOptions {
  readonly name: JobName
  readonly parallelism: number
  readonly brokers: readonly string[]
  readonly redisUrl: string
}

/** One worker process of an iterative job. It tells its parent about every round that it ends. */
const { name, parallelism, brokers, redisUrl }: WorkerOptions = JSON.parse(process.argv[2] ?? '{}')

const handle = jobNamed(name, (end) => process.send?.(end)).start({
  log: kafka({ brokers }),
  state: redis({ url: redisUrl }),
  parallelism,
  epochInterval: '50ms',
  sessionTimeout: '2s',
  stopOnSignals: true,
})
await handle.done
process.disconnect?.()
