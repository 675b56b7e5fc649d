import { type Collector, job, json, kafka, redis, valueState } from '@millrace/core'

/** What a worker of the measured job is told, as JSON in its first argument. */
export interface RecoveryWorker {
  readonly name: string
  readonly brokers: readonly string[]
  readonly redisUrl: string
  readonly input: string
  readonly output: string
  readonly sessionTimeoutMs: number
}

const { name, brokers, redisUrl, input, output, sessionTimeoutMs } = JSON.parse(
  process.argv[2] ?? '{}',
) as RecoveryWorker

const counts = job(name, (env) => {
  env
    .topic(input, json<{ key: number }>())
    .keyBy((record) => record.key)
    .process({
      state: { seen: valueState({ initial: 0 }) },
      onRecord({ key }, { state }, out: Collector<{ key: number; seen: number }>) {
        const seen = state.seen.get() + 1
        state.seen.set(seen)
        out.emit({ key, seen })
      },
    })
    .toTopic(output, json())
})

const handle = counts.start({
  log: kafka({ brokers }),
  state: redis({ url: redisUrl }),
  epochInterval: 200,
  sessionTimeout: sessionTimeoutMs,
  stopOnSignals: true,
  onEvent: (event) => process.send?.({ event: event.kind }),
})
await handle.ready
const report = setInterval(() => {
  const tasks = handle.status().workers.flatMap((worker) => worker.tasks)
  process.send?.({ tasks: tasks.length, recordsOut: tasks.reduce((sum, task) => sum + task.recordsOut, 0) })
}, 50)
await handle.done
clearInterval(report)
process.disconnect?.()
