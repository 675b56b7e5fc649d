import { expect, it } from 'vitest'
import { job, silentLogger, valueState } from '../../src/index.ts'

it('ends an epoch before its time when very many keys have changed, so that no barrier takes long', async () => {
  const counting = job('counting', (env) => {
    env
      .generate({ make: (n) => n, count: 600_000 })
      .keyBy((n) => n)
      .process({
        state: { seen: valueState({ initial: 0 }) },
        onRecord(_, { state }) {
          state.seen.set(state.seen.get() + 1)
        },
      })
      .uid('count')
      .collect([])
  })
  const running = counting.start({ logger: silentLogger, epochInterval: '50s' })
  await running.done
  // One at each 250,000 keys, and the last.
  expect(running.status().workers[0]?.totals.epochs).toBe(3)
})
