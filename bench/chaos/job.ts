import { match, pattern } from '@millrace/cep'
import { type Collector, type Job, job, tumbling, valueState, watermarks } from '@millrace/core'
import {
  type CountRow,
  countJson,
  END_KEY,
  type Event,
  eventJson,
  MATCH_EVERY,
  MATCH_LENGTH,
  matchJson,
  topics,
  WINDOW_MS,
  windowJson,
} from './events.ts'

/** Records of a key in a row: what is between two of them, or missing, or there twice, leaves no match. */
const inARow = pattern<Event>('in a row')
  .begin('first')
  .where((event) => event.n % MATCH_EVERY === 0)
  .next('others')
  .where((event, matched) => event.n === matched.first('first').n + matched.all('others').length + 1)
  .times(MATCH_LENGTH - 1)
  .consecutive()

/** A running count of each key, counts and sums in windows, and matches of a pattern: all show every record that is lost, repeated or out of order. */
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
  match(byKey, inARow, { uid: 'matches' })
    .select(({ first }, { key }) => ({ key, n: first[0].n }))
    .toTopic(topics.matches, matchJson, { key: (row) => row.key })
})
