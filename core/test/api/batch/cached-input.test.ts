import { expect, it } from 'vitest'
import {
  type Collector,
  job,
  json,
  memoryLog,
  memoryState,
  silentLogger,
  tumbling,
  valueState,
  watermarks,
} from '../../../src/index.ts'

interface Hit {
  readonly page: number
  readonly n: number
}

const time = watermarks.monotonous<Hit>(({ n }) => n)

it.each(['a function', 'windows'])(
  'a sort that holds commits back lets the cache of %s before it grow',
  {
    timeout: 20_000,
  },
  async (kind) => {
    const log = memoryLog()
    log.storage.createTopic('in', 1)
    log.storage.createTopic('out', 1)
    for (let n = 0; n < 100; n++) {
      log.storage.write('in', 0, [{ value: Buffer.from(JSON.stringify({ page: n % 20, n })), timestamp: n }])
    }
    const sorted = job('sorted', (env) => {
      const byPage = env.topic('in', json<Hit>(), { bounded: true, time }).keyBy('page')
      const counted =
        kind === 'windows'
          ? byPage.window(tumbling(10)).reduce((a, b) => ({ page: a.page, n: a.n + b.n }))
          : byPage.process({
              state: { count: valueState({ initial: 0 }) },
              onRecord({ page }, { state }, out: Collector<Hit>) {
                state.count.set(state.count.get() + 1)
                out.emit({ page, n: state.count.get() })
              },
            })
      counted.bounded().sort({ by: 'n' }).stream().toTopic('out', json())
    })
    const { outcome } = await sorted.run({
      log,
      state: memoryState(),
      stateCache: { maxKeys: 2 },
      epochInterval: 20,
      logger: silentLogger,
      allowVolatileState: true,
    })
    expect(outcome).toBe('finished')
    expect(log.storage.read('out')).toHaveLength(100)
  },
)
