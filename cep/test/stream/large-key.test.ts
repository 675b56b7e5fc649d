import { type DataStream, mapState } from '@millrace/core'
import { operatorHarness } from '@millrace/core/testing'
import { describe, expect, it } from 'vitest'
import { match, pattern } from '../../src/index.ts'
import { LARGE } from '../../src/matcher/stored-events.ts'

interface Payment {
  readonly card: string
  readonly name: string
  readonly time: number
}

const soon = pattern<Payment>('soon')
  .begin('a')
  .where(({ name }) => name === 'a')
  .followedBy('b')
  .where(({ name }, matched) => name === 'b' && matched.first('a').card === 'hot')
  .within(10_000)

const started = () =>
  operatorHarness((payments: DataStream<Payment>) =>
    match(payments.keyBy('card'), soon).select(({ a, b }) => `${a[0].time}-${b[0].time}`),
  )

describe('a key with many partial matches', () => {
  it('goes on after restarts, with those that came before and those that came after', async () => {
    const harness = await started()
    const times: number[] = []
    for (let round = 0; round < 4; round++) {
      for (let at = 0; at < LARGE - 10; at++) {
        const time = round * 1_000 + at
        times.push(time)
        harness.send({ card: 'hot', name: 'a', time }, time)
      }
      harness.watermark(round * 1_000 + 500)
      await harness.restart()
    }
    expect(harness.values()).toEqual([])
    harness.send({ card: 'hot', name: 'b', time: 5_000 }, 5_000)
    harness.watermark(5_000)
    expect(harness.values()).toEqual(times.map((time) => `${time}-5000`))
  })

  it('is as small as any other when its time has passed', async () => {
    const harness = await started()
    for (let at = 0; at < 3 * LARGE; at++) harness.send({ card: 'hot', name: 'a', time: at }, at)
    harness.watermark(1_000)
    await harness.restart()
    const stored = mapState<string, Payment>()
    expect(harness.state('events', stored, 'hot').size).toBe(3 * LARGE)
    harness.watermark(20_000)
    await harness.restart()
    expect(harness.state('events', stored, 'hot').size).toBe(0)
    harness.send({ card: 'hot', name: 'a', time: 20_001 }, 20_001)
    harness.send({ card: 'hot', name: 'b', time: 20_002 }, 20_002)
    harness.watermark(20_002)
    expect(harness.values()).toEqual(['20001-20002'])
    expect(harness.timers()).toEqual([])
  })
})
