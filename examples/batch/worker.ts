import { kafka, redis } from '@millrace/core'
import { locatedOrders, type OrdersOptions } from './orders.ts'

export interface WorkerOptions extends OrdersOptions {
  readonly parallelism: number
  readonly brokers: readonly string[]
  readonly redisUrl: string
  /** The process ends by SIGKILL when so many records have come to this point in it. */
  readonly dies: { readonly at: 'read' | 'given'; readonly after: number } | null
}

const options: WorkerOptions = JSON.parse(process.argv[2] ?? '{}')
const { parallelism, brokers, redisUrl, dies } = options

/** Nothing gets the chance to tidy up: what the process was in the middle of stays as it is. */
function countdown(at: 'read' | 'given'): () => void {
  let left = dies?.at === at ? dies.after : Number.POSITIVE_INFINITY
  return () => {
    if (--left === 0) process.kill(process.pid, 'SIGKILL')
  }
}

const probe = { onRead: countdown('read'), onGiven: countdown('given') }
await locatedOrders(options, probe).run({
  log: kafka({ brokers }),
  state: redis({ url: redisUrl }),
  parallelism,
  epochInterval: '20ms',
  sessionTimeout: '2s',
  memoryBudget: 100_000,
})
