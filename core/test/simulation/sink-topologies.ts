import { job } from '../../src/api/job.ts'
import type { SinkTopology } from '../../src/api/sink-topology.ts'
import { committer } from '../../src/connector/committer.ts'
import type { Sink } from '../../src/connector/sink.ts'
import type { Collector } from '../../src/operator/process-function.ts'
import { json } from '../../src/serde/json.ts'
import { listState } from '../../src/state/keyed/descriptor.ts'
import { Random } from '../../src/structure/random.ts'
import type { Reading, Topology } from './topologies.ts'

/** Nothing is to be published before all is put together, so the writers only make ready. */
function prepared<T>(): Sink<T, T> {
  return {
    name: 'prepared',
    guarantee: 'two-phase',
    async open() {
      let taken: T[] = []
      return {
        write: (value) => void taken.push(value),
        async flush() {},
        async prepareCommit() {
          const all = taken
          taken = []
          return all
        },
        async close() {},
      }
    },
  }
}

/** Committables of a key are put together by three, in the order in which they came, and what is left at the end. */
const byThree: SinkTopology<Reading, string> = {
  connect: (stream) =>
    stream
      .to(prepared<Reading>())
      .committed()
      .keyBy(({ key }) => key)
      .process({
        state: { waiting: listState<number>() },
        onRecord({ key, n }, { state: { waiting }, timers }, out: Collector<string>) {
          waiting.add(n)
          timers.atEventTime(Number.MAX_SAFE_INTEGER)
          const held = [...waiting.get()]
          if (held.length < 3) return
          waiting.clear()
          out.emit(`${key}: ${held.join(' ')}`)
        },
        onTimer(_, { key, state: { waiting } }, out: Collector<string>) {
          out.emit(`${key}: ${[...waiting.get()].join(' ')}, and that was all`)
        },
      })
      .to(committer('groups', async () => {})),
}

export const sinkTopologies: readonly Topology[] = [1, 2].map((parallelism) => ({
  name: `putting committables together before they are published, with ${parallelism} tasks`,
  parallelism,
  outputs: ['groups'],
  prepare(storage) {
    const random = new Random(13)
    storage.createTopic('in', 2)
    for (let n = 0; n < 24; n++) {
      const key = random.integer(4)
      const value = Buffer.from(JSON.stringify({ key: `k${key}`, n, time: n }))
      storage.write('in', key % 2, [{ value, timestamp: n }])
    }
    storage.createTopic('groups', 1)
  },
  job: job(`committed-${parallelism}`, (env) => {
    env.topic('in', json<Reading>(), { bounded: true }).to(byThree).uid('groups').committed().toTopic('groups', json())
  }),
}))
