import { type DataStream, mapState } from '@millrace/core'
import { operatorHarness, twoInputHarness } from '@millrace/core/testing'
import { describe, expect, it } from 'vitest'
import { match, matchRules, pattern, type RuleChange } from '../../src/index.ts'
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

describe('a key with many partial matches of a rule', () => {
  const rule = (version: number, name: string): RuleChange => ({
    id: 'a b',
    version,
    pattern: {
      name: 'pair',
      stages: [
        { name: 'a', where: `event.name == "${name}"` },
        { name: 'b', follows: 'followedBy', where: 'event.name == "b"' },
      ],
    },
  })
  const stored = mapState<string, Payment>()

  it('keeps none of its events when the rule is replaced or dropped', async () => {
    const harness = await twoInputHarness((payments: DataStream<Payment>, rules: DataStream<RuleChange>) =>
      matchRules(payments.keyBy('card'), rules).found.map(({ version, match }) => `${version}: ${match.a?.length}`),
    )
    const send = (from: number) => {
      for (let at = 0; at < 2 * LARGE; at++) harness.left.send({ card: 'hot', name: 'a', time: from + at }, from + at)
      harness.left.watermark(from + 500)
      return harness.state('events', stored, 'hot').size
    }
    harness.right.send(rule(1, 'a'))
    expect(send(1_000)).toBe(2 * LARGE)
    await harness.restart()
    harness.right.send(rule(2, 'x'))
    expect(send(2_000)).toBe(0)
    harness.right.send(rule(3, 'a'))
    expect(send(3_000)).toBe(2 * LARGE)
    harness.right.send({ id: 'a b', version: 4, drop: true })
    expect(harness.state('events', stored, 'hot').size).toBe(0)
  })
})
