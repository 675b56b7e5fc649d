import { kafka, redis } from '@millrace/core'
import { fraud } from './job.ts'

/** One worker process of the job: start as many as you like, and end them as you like. */
const { brokers, redisUrl }: { brokers: string[]; redisUrl: string } = JSON.parse(process.argv[2] ?? '{}')

const handle = fraud.start({
  log: kafka({ brokers }),
  state: redis({ url: redisUrl }),
  parallelism: 2,
  epochInterval: '200ms',
  sessionTimeout: '6s',
  stopOnSignals: true,
})
await handle.ready
process.send?.({ kind: 'ready' })
const { recordsIn } = await handle.done
process.send?.({ kind: 'done', recordsIn })
process.disconnect?.()
