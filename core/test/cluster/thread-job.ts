import { type Collector, type Job, job, json, valueState } from '../../src/index.ts'

/** A job in a module of its own, so that worker threads can import it. */
export const threaded: Job = job('threaded', (env) => {
  env
    .topic('threads-in', json<{ key: number }>(), { bounded: true })
    .keyBy((record) => record.key)
    .process({
      state: { seen: valueState({ initial: 0 }) },
      onRecord({ key }, { state }, out: Collector<{ key: number; seen: number }>) {
        const seen = state.seen.get() + 1
        state.seen.set(seen)
        out.emit({ key, seen })
      },
    })
    .uid('count')
    .toTopic('threads-out', json())
})
