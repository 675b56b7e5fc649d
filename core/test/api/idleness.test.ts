import { describe, expect, it } from 'vitest'
import { job, json, tumbling, watermarks } from '../../src/index.ts'
import { type TestHarness, testHarness } from '../../src/testing/index.ts'

interface Click {
  readonly page: string
  readonly at: number
}

function clicks(partitions: number, parallelism: number): Promise<TestHarness> {
  const time = watermarks.bounded<Click>(0, ({ at }) => at).withIdleness('30s')
  const counting = job('clicks', (env) => {
    env
      .topic('clicks', json<Click>(), { time })
      .keyBy('page')
      .window(tumbling('1m'))
      .aggregate(
        { create: () => 0, add: (n) => n + 1, result: (n) => n },
        (n, { key, window }) => `${key} ${window.start / 60_000} ${n}`,
      )
      .toTopic('counts', json())
  })
  return testHarness(counting, { partitions: { clicks: partitions }, run: { parallelism } })
}

describe('event time', () => {
  it.each([2, 4])('passes where there are more tasks (%i) than partitions', async (parallelism) => {
    const t = await clicks(1, parallelism)
    for (const at of [1_000, 61_000]) t.topic<Click>('clicks').send({ page: '/a', at })
    await t.settle()
    await t.settle()
    expect(t.topic('counts').values()).toEqual(['/a 0 1'])
    await t.stop()
  })

  it.each([1, 2, 4])(
    'does not wait for partitions that are idle, at whatever task they are (%i tasks)',
    async (parallelism) => {
      const t = await clicks(4, parallelism)
      const send = (at: number, partition: number): void =>
        t.topic<Click>('clicks').send({ page: '/a', at }, { partition })
      for (const partition of [0, 1, 2, 3]) send(1_000, partition)
      send(61_000, 2)
      await t.settle()
      expect(t.topic('counts').values()).toEqual([])
      // Clock time enough for the others to be idle, while one goes on.
      for (let seconds = 0; seconds < 70; seconds += 10) {
        send(61_000 + seconds, 2)
        await t.advanceBy('10s')
      }
      expect(t.topic('counts').values()).toEqual(['/a 0 4'])
      // One that wakes counts again.
      send(62_000, 0)
      send(125_000, 2)
      await t.advanceBy('10s')
      expect(t.topic('counts').values()).toEqual(['/a 0 4'])
      send(125_000, 0)
      await t.advanceBy('10s')
      expect(t.topic('counts').values()).toEqual(['/a 0 4', '/a 1 9'])
      await t.stop()
    },
  )
})
