import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  aggregators,
  type Collector,
  type DataStream,
  mapState,
  operatorListState,
  outputTag,
  tumbling,
  valueState,
} from '../../src/index.ts'
import { operatorHarness, twoInputHarness } from '../../src/testing/index.ts'

interface Payment {
  readonly card: string
  readonly amount: number
}

const count = valueState({ initial: 0 })

function counting(payments: DataStream<Payment>): DataStream<string> {
  return payments
    .map((payment) => ({ ...payment, amount: payment.amount * 2 }))
    .keyBy('card')
    .process({
      state: { count, amounts: mapState<number, string>() },
      onRecord({ card, amount }, { state, timers, timestamp }, out: Collector<string>) {
        state.count.set(state.count.get() + 1)
        state.amounts.set(amount, card)
        timers.atEventTime(timestamp + 100)
        timers.atProcessingTime(500)
        out.emit(`${card} ${state.count.get()} ${amount}`)
      },
      onTimer({ timeMs, domain }, { key }, out) {
        out.emit(`${key} ${domain} ${timeMs}`)
      },
    })
}

describe('the harness of one operator', () => {
  it('shows what comes out as soon as it does, with its types', async () => {
    const t = await operatorHarness(counting)
    t.send({ card: 'a', amount: 1 }, 10)
    expect(t.take()).toEqual(['a 1 2'])
    t.send({ card: 'a', amount: 2 }, 20)
    expect(t.take()).toEqual(['a 2 4'])
    t.watermark(110)
    expect(t.records().at(-1)).toEqual({ value: 'a event 110', timestamp: 110 })
    expect(t.watermarks).toEqual([110])
    expectTypeOf(t.values()).toEqualTypeOf<string[]>()
    // @ts-expect-error: not a payment
    expect(() => t.send(5)).toThrow()
    await t.close()
  })

  it('moves the clock when the test says so', async () => {
    const t = await operatorHarness(counting, { now: 400 })
    t.send({ card: 'a', amount: 1 }, 10)
    t.take()
    await t.advanceBy(99)
    expect(t.take()).toEqual([])
    await t.advanceBy(1)
    expect(t.take()).toEqual(['a processing 500'])
  })

  it('shows state and timers', async () => {
    const t = await operatorHarness(counting)
    t.send({ card: 'a', amount: 1 }, 10)
    t.send({ card: 'a', amount: 2 }, 20)
    t.send({ card: 'b', amount: 3 }, 30)
    const counted = t.state('count', count, 'a')
    expectTypeOf(counted.get()).toEqualTypeOf<number>()
    expect(counted.get()).toBe(2)
    expect([...t.state('amounts', mapState<number, string>(), 'a').keys()]).toEqual([2, 4])
    expect(t.state('count', count, 'nobody').get()).toBe(0)
    expect(t.timers()).toEqual([
      { key: 'a', timeMs: 110, domain: 'event' },
      { key: 'a', timeMs: 120, domain: 'event' },
      { key: 'b', timeMs: 130, domain: 'event' },
      { key: 'a', timeMs: 500, domain: 'processing' },
      { key: 'b', timeMs: 500, domain: 'processing' },
    ])
    expect(() => t.state('total', count, 'a')).toThrow(
      /no operator of the harness has a state 'total'; there is count, amounts/i,
    )
  })

  it('restores state and timers from a snapshot, and after a crash loses what came since', async () => {
    const t = await operatorHarness(counting)
    t.send({ card: 'a', amount: 1 }, 10)
    await t.restart()
    t.send({ card: 'a', amount: 1 }, 20)
    expect(t.take()).toEqual(['a 1 2', 'a 2 2'])
    await t.crash()
    t.send({ card: 'a', amount: 1 }, 20)
    expect(t.take()).toEqual(['a 2 2'])
    await t.advanceTo(500)
    t.watermark(110)
    expect(t.take()).toEqual(['a processing 500', 'a event 110'])
  })

  it('shows side outputs and late records', async () => {
    const late = outputTag<Payment>('late')
    const t = await operatorHarness(
      (payments: DataStream<Payment>) =>
        payments
          .keyBy('card')
          .window(tumbling(100))
          .lateTo(late)
          .reduce((a, b) => ({ card: a.card, amount: a.amount + b.amount })),
      { sides: [late] },
    )
    t.send({ card: 'a', amount: 1 }, 10)
    t.send({ card: 'a', amount: 2 }, 20)
    t.watermark(99)
    t.send({ card: 'a', amount: 4 }, 99)
    expect(t.values()).toEqual([{ card: 'a', amount: 3 }])
    expect(t.side(late)).toEqual([{ card: 'a', amount: 4 }])
    expect(t.counter('millrace_records_late')).toBe(1)
    expect(() => t.side(outputTag('other'))).toThrow(/does not listen to side output 'other'/)
  })

  it('hands in watermarks of two inputs, and idleness', async () => {
    const t = await twoInputHarness((left: DataStream<number>, right: DataStream<string>) =>
      left.connect(right).process({
        onLeft: (n, _context, out: Collector<string>) => out.emit(`${n}`),
        onRight: (text, _context, out) => out.emit(text),
      }),
    )
    t.left.send(1)
    t.right.send('one')
    t.left.watermark(10)
    t.right.watermark(5)
    expect(t.watermarks).toEqual([5])
    t.right.idle(true)
    expect(t.watermarks).toEqual([5, 10])
    expect(t.values()).toEqual(['1', 'one'])
  })

  it('ends the input', async () => {
    const t = await operatorHarness((numbers: DataStream<number>) =>
      numbers.process({
        operatorState: { all: operatorListState<number>() },
        onRecord: (n, { operatorState }) => operatorState.all.add(n),
        onEnd: (out: Collector<number[]>, { operatorState }) => out.emit([...operatorState.all.get()]),
      }),
    )
    t.send(1)
    t.send(2)
    await t.restart()
    t.send(3)
    t.end()
    expect(t.values()).toEqual([[1, 2, 3]])
  })

  it('has operators that need all of their input give it when that ends', async () => {
    const t = await operatorHarness((numbers: DataStream<number>) =>
      numbers
        .bounded()
        .sort((n) => n)
        .stream(),
    )
    for (const n of [3, 1, 2]) t.send(n)
    expect(t.values()).toEqual([])
    t.end()
    expect(t.values()).toEqual([1, 2, 3])
  })
})

describe('the rounds of a loop, in a harness', () => {
  const seen = aggregators.count('seen')

  function summing(numbers: DataStream<number>): DataStream<string> {
    return numbers
      .keyBy((n) => n % 2)
      .process({
        state: { sum: valueState({ initial: 0 }) },
        onRecord: (n, { state }) => state.sum.set(state.sum.get() + n),
        onRoundEnd({ key, state, round }, out: Collector<string>) {
          out.emit(`round ${round.number} after ${round.get(seen)}: ${key} has ${state.sum.get()}`)
        },
        onTermination({ key, state }, out) {
          out.emit(`in the end ${key} has ${state.sum.get()}`)
        },
      })
  }

  it('come when the test says so, and are part of a snapshot', async () => {
    const t = await operatorHarness(summing)
    t.beginRound()
    t.send(1)
    t.send(2)
    t.send(3)
    t.endRound()
    expect(t.take()).toEqual(['round 1 after 0: 1 has 4', 'round 1 after 0: 0 has 2'])
    t.beginRound({ seen: 3 })
    t.send(5)
    await t.restart()
    t.endRound()
    expect(t.take()).toEqual(['round 2 after 3: 1 has 9'])
    await t.crash()
    t.send(7)
    t.endRound()
    expect(t.take()).toEqual(['round 2 after 3: 1 has 16'])
    t.endLoop()
    expect(t.take().sort()).toEqual(['in the end 0 has 2', 'in the end 1 has 16'])
  })

  it('end at a function with two inputs when they have on both, or one of them is from outside and has ended', async () => {
    const build = (left: DataStream<string>, right: DataStream<string>): DataStream<string> =>
      left
        .keyBy((key) => key)
        .connect(right.keyBy((key) => key))
        .process({
          onLeft() {},
          onRight() {},
          onRoundEnd: ({ key, round }, out: Collector<string>) => out.emit(`${key} ${round.number}`),
        })
    const inside = await twoInputHarness(build)
    inside.left.beginRound()
    inside.left.send('a')
    inside.left.endRound()
    expect(inside.take()).toEqual([])
    inside.right.beginRound()
    inside.right.endRound()
    expect(inside.take()).toEqual(['a 1'])

    const outside = await twoInputHarness(build)
    outside.left.beginRound()
    outside.left.send('a')
    outside.left.endRound()
    outside.right.end()
    expect(outside.take()).toEqual(['a 1'])
  })
})
