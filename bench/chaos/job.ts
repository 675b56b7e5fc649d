import { type Collector, type Job, job, tumbling, valueState, watermarks } from '@millrace/core'
import { type CountRow, countJson, END_KEY, type Event, eventJson, topics, WINDOW_MS, windowJson } from './events.ts'

/** A running count of each key, and counts and sums in windows: both show every record that is lost, repeated or out of order. */
export const chaos: Job = job('chaos', (env) => {
  const events = env.topic(topics.input, eventJson, { time: watermarks.bounded<Event>('1s', (event) => event.time) })
  const byKey = events.filter((event) => event.key !== END_KEY).keyBy((event) => event.key)
  byKey
    .process({
      state: { seen: valueState({ initial: 0 }) },
      onRecord({ key, n }, { state }, out: Collector<CountRow>) {
        const seen = state.seen.get() + 1
        state.seen.set(seen)
        out.emit({ key, n, seen })
      },
    })
    .uid('counts')
    .toTopic(topics.counts, countJson, { key: (row) => row.key })
  byKey
    .window(tumbling(WINDOW_MS))
    .aggregate(
      {
        create: () => ({ count: 0, sum: 0 }),
        add: ({ count, sum }, { n }) => ({ count: count + 1, sum: sum + n }),
        result: (held) => held,
      },
      ({ count, sum }, { key, window }) => ({ key, start: window.start, count, sum }),
    )
    .uid('windows')
    .toTopic(topics.windows, windowJson, { key: (row) => row.key })
})
