import { parentPort, workerData } from 'node:worker_threads'
import { OptionError, StreamError, toWire } from '../../errors.ts'
import type { LogProvider } from '../../log/provider.ts'
import type { Logger } from '../../metrics/logger.ts'
import { prometheusText } from '../../metrics/prometheus.ts'
import { isJobDefinition, type JobDefinition } from '../../plan/job-definition.ts'
import type { StateProvider } from '../../state/provider.ts'
import { systemClock } from '../../time/clock.ts'
import { JobRun } from '../job-run.ts'
import type { WorkerEvent } from '../status.ts'
import type { FromThread, ThreadStart, ToThread } from './messages.ts'

/** Status crosses to the main thread this often. */
const STATUS_INTERVAL_MS = 250

function post(message: FromThread): void {
  parentPort?.postMessage(message)
}

function send(level: 'debug' | 'info' | 'warn' | 'error'): (fields: object, message: string) => void {
  return (fields, message) => post({ kind: 'log', level, fields, message })
}

const logger: Logger = { debug: send('debug'), info: send('info'), warn: send('warn'), error: send('error') }

async function findJob(start: ThreadStart): Promise<JobDefinition> {
  const exports: Record<string, unknown> = await import(start.module)
  for (const value of Object.values(exports)) {
    if (isJobDefinition(value) && value.name === start.job) return value
  }
  throw new OptionError(
    `Module ${start.module} does not export the job '${start.job}'; slots above 1 need it, because every thread imports the job. ` +
      'Export the value that job() returned, and start the run from another module or behind isMainThread.',
  )
}

async function logProvider({ kind, options }: ThreadStart['settings']['log']): Promise<LogProvider> {
  if (kind === 'kafka') {
    const { kafka } = await import('../../log/kafka/index.ts')
    return kafka(options as Parameters<typeof kafka>[0])
  }
  throw new OptionError(`The log '${kind}' cannot be shared by threads.`)
}

async function stateProvider({ kind, options }: ThreadStart['settings']['state']): Promise<StateProvider> {
  if (kind === 'redis') {
    const { redis } = await import('../../state/redis/index.ts')
    return redis(options as Parameters<typeof redis>[0])
  }
  const { memoryState } = await import('../../state/memory/index.ts')
  return memoryState()
}

async function main(start: ThreadStart): Promise<void> {
  const job = await findJob(start)
  const settings = {
    ...start.settings,
    slots: 1,
    log: await logProvider(start.settings.log),
    state: await stateProvider(start.settings.state),
    logger,
    clock: systemClock,
    onEvent: (event: WorkerEvent) => post({ kind: 'event', event }),
  }
  const run = new JobRun(job, settings, null, start.slot, start.paceMemory)
  const report = (): void => {
    const [status] = run.workers()
    if (status !== undefined) post({ kind: 'status', status, metrics: prometheusText(run.metrics) })
  }
  const interval = setInterval(report, STATUS_INTERVAL_MS)
  parentPort?.on('message', (message: ToThread) => {
    // A failing stop is delivered through `done`.
    if (message.kind === 'stop') run.stop().catch(() => {})
    else if (message.kind === 'hold') void run.hold().then(() => post({ kind: 'held' }))
    else if (message.kind === 'release') run.release()
    else run.drain()
  })
  run.ready.then(
    () => {
      if (run.graph?.hash !== start.graphHash) {
        logger.warn(
          { here: run.graph?.hash, main: start.graphHash },
          'The thread built another graph than the main thread',
        )
      }
      post({ kind: 'ready' })
    },
    () => {},
  )
  void run.start()
  try {
    const outcome = await run.done
    report()
    post({ kind: 'done', outcome })
  } finally {
    clearInterval(interval)
    parentPort?.removeAllListeners('message')
  }
}

main(workerData as ThreadStart).catch((error: unknown) => {
  post({
    kind: 'failed',
    error: toWire(StreamError.is(error) ? error : new StreamError('WORKER_FAILED', String(error), { cause: error })),
  })
})
