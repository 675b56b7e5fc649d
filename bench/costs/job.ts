import { type Collector, type Job, job, json, valueState } from '@millrace/core'

export const topics = { input: 'costs-in', output: 'costs-out' } as const
export const record = json<{ key: number }>()

/** A running count of each key: every record changes the state of its key. */
export const counting: Job = job('costs', (env) => {
  env
    .topic(topics.input, record)
    .keyBy(({ key }) => key)
    .process({
      state: { seen: valueState({ initial: 0 }) },
      onRecord({ key }, { state }, out: Collector<{ key: number; seen: number }>) {
        const seen = state.seen.get() + 1
        state.seen.set(seen)
        out.emit({ key, seen })
      },
    })
    .toTopic(topics.output, json())
})
