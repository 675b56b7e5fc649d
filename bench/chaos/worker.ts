import { kafka, redis, stderrLogger } from '@millrace/core'
import { chaos } from './job.ts'

/** One worker process, told in its first argument where the servers are. */
export interface ChaosWorkerOptions {
  readonly brokers: readonly string[]
  readonly redisUrl: string
  readonly parallelism: number
  readonly sessionTimeoutMs: number
}

const { brokers, redisUrl, parallelism, sessionTimeoutMs } = JSON.parse(process.argv[2] ?? '{}') as ChaosWorkerOptions

const handle = chaos.start({
  // A worker that starts while Kafka is being restarted, on a busy machine, waits until it is back.
  log: kafka({ brokers, connectTimeoutMs: 60_000 }),
  state: redis({ url: redisUrl }),
  parallelism,
  epochInterval: '500ms',
  sessionTimeout: sessionTimeoutMs,
  heartbeatInterval: '500ms',
  stopOnSignals: true,
  logger: stderrLogger,
})
handle.done.then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error)
    process.exit(1)
  },
)
await handle.ready
process.send?.('ready')
