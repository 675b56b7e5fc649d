import { describe, expect, it } from 'vitest'
import { cumulative, sessions, sliding, tumbling } from '../../../src/operator/window/window-assigner.ts'
import { VirtualClock } from '../../../src/time/virtual-clock.ts'
import { OperatorHarness } from '../operator-harness.ts'
import { fold, gather, sum } from './windows-under-test.ts'

describe('windows in event time', () => {
  it('fire when the watermark has passed their last millisecond, with its timestamp', async () => {
    const harness = await new OperatorHarness(sum(tumbling(10))).open()
    harness.send({ key: 'a', n: 1 }, 0)
    harness.send({ key: 'a', n: 2 }, 9)
    harness.send({ key: 'a', n: 5 }, 10)
    harness.watermark(8)
    expect(harness.records).toEqual([])
    harness.watermark(9)
    expect(harness.elements.slice(-2)).toEqual([{ record: { key: 'a', n: 3 }, timestamp: 9 }, { watermark: 9 }])
    harness.watermark(Number.POSITIVE_INFINITY)
    expect(harness.records).toEqual([
      { key: 'a', n: 3 },
      { key: 'a', n: 5 },
    ])
  })

  it('begin at multiples of their size before the epoch too, moved by the offset', async () => {
    const harness = await new OperatorHarness(gather(tumbling(10, { offset: 3 }))).open()
    harness.send({ key: 'a', n: 1 }, -8)
    harness.send({ key: 'a', n: 2 }, 2)
    harness.watermark(100)
    expect(harness.records).toEqual([
      { key: 'a', start: -17, end: -7, values: [1] },
      { key: 'a', start: -7, end: 3, values: [2] },
    ])
  })

  it('overlap when they slide by less than their size', async () => {
    const harness = await new OperatorHarness(gather(sliding(10, 5))).open()
    harness.send({ key: 'a', n: 1 }, 7)
    harness.watermark(100)
    expect(harness.records).toEqual([
      { key: 'a', start: 0, end: 10, values: [1] },
      { key: 'a', start: 5, end: 15, values: [1] },
    ])
  })

  it('grow by a step until they have their size', async () => {
    const harness = await new OperatorHarness(gather(cumulative(30, 10))).open()
    harness.send({ key: 'a', n: 1 }, 12)
    harness.send({ key: 'a', n: 2 }, 25)
    harness.send({ key: 'a', n: 3 }, 31)
    harness.watermark(100)
    expect(harness.records).toEqual([
      { key: 'a', start: 0, end: 20, values: [1] },
      { key: 'a', start: 0, end: 30, values: [1, 2] },
      { key: 'a', start: 30, end: 40, values: [3] },
      { key: 'a', start: 30, end: 50, values: [3] },
      { key: 'a', start: 30, end: 60, values: [3] },
    ])
  })

  it('wait as long after each record as it says itself', async () => {
    const harness = await new OperatorHarness(gather(sessions((reading) => (reading.n === 2 ? 50 : 10)))).open()
    harness.send({ key: 'a', n: 1 }, 0)
    harness.send({ key: 'a', n: 2 }, 5)
    harness.send({ key: 'a', n: 3 }, 40)
    harness.send({ key: 'a', n: 4 }, 70)
    harness.watermark(100)
    expect(harness.records).toEqual([
      { key: 'a', start: 0, end: 55, values: [1, 2, 3] },
      { key: 'a', start: 70, end: 80, values: [4] },
    ])
  })

  it('join sessions when a record falls between them', async () => {
    const harness = await new OperatorHarness(gather(sessions(10))).open()
    harness.send({ key: 'a', n: 1 }, 0)
    harness.send({ key: 'a', n: 2 }, 18)
    harness.send({ key: 'a', n: 3 }, 9)
    harness.send({ key: 'b', n: 4 }, 5)
    harness.watermark(100)
    expect(harness.records).toEqual([
      { key: 'b', start: 5, end: 15, values: [4] },
      { key: 'a', start: 0, end: 28, values: [1, 2, 3] },
    ])
  })

  it('send late records aside and count them', async () => {
    const harness = await new OperatorHarness(gather(tumbling(10))).open()
    harness.watermark(9)
    harness.send({ key: 'a', n: 1 }, 3)
    harness.send({ key: 'a', n: 2 }, 10)
    harness.watermark(100)
    expect(harness.sides.get('late')).toEqual([{ key: 'a', n: 1 }])
    expect(harness.records).toEqual([{ key: 'a', start: 10, end: 20, values: [2] }])
    expect(harness.metrics.counter('millrace_records_late', '').value).toBe(1)
  })

  it('fire again for a record within the allowed lateness, and not after it', async () => {
    const harness = await new OperatorHarness(sum(tumbling(10), { lateness: 5 })).open()
    harness.send({ key: 'a', n: 1 }, 3)
    harness.watermark(9)
    harness.send({ key: 'a', n: 2 }, 4)
    harness.watermark(13)
    harness.send({ key: 'a', n: 4 }, 4)
    harness.watermark(14)
    harness.send({ key: 'a', n: 8 }, 4)
    harness.watermark(100)
    expect(harness.records).toEqual([
      { key: 'a', n: 1 },
      { key: 'a', n: 3 },
      { key: 'a', n: 7 },
    ])
    expect(harness.sides.get('late')).toEqual([{ key: 'a', n: 8 }])
  })

  it('refuse a record without a timestamp, with a hint', async () => {
    const harness = await new OperatorHarness(sum(tumbling(10))).open()
    expect(() => harness.send({ key: 'a', n: 1 }, Number.NEGATIVE_INFINITY)).toThrow(/watermark strategy/)
  })

  it('leave nothing in the state once they have fired', async () => {
    const harness = await new OperatorHarness(gather(tumbling(10))).open()
    harness.send({ key: 'a', n: 1 }, 3)
    expect(harness.snapshot().length).toBeGreaterThan(0)
    harness.watermark(9)
    harness.snapshot()
    expect(harness.stored.size).toBe(0)
  })

  it('are put together from slices where they overlap, each record being added once', async () => {
    let added = 0
    const reduce = sum(sliding(60, 1))
    const harness = await new OperatorHarness(reduce).open()
    for (let time = 0; time < 120; time++) harness.send({ key: 'a', n: ++added }, time)
    harness.snapshot()
    expect(harness.stored.size).toBe(120)
    harness.watermark(Number.POSITIVE_INFINITY)
    const windows = Array.from({ length: 179 }, (_, at) => {
      let total = 0
      for (let time = Math.max(0, at - 59); time <= Math.min(at, 119); time++) total += time + 1
      return total
    })
    expect(harness.records.map((record) => (record as { n: number }).n)).toEqual(windows)
    harness.snapshot()
    expect(harness.stored.size).toBe(0)
  })

  it('merge twice for a firing on average, however many slices a window has', async () => {
    let merges = 0
    const operator = fold(sliding(60, 1), { onMerge: () => merges++ })
    const harness = await new OperatorHarness(operator).open()
    for (let time = 0; time < 1000; time++) {
      harness.send({ key: 'a', n: 1 }, time)
      harness.watermark(time)
    }
    expect(harness.records).toHaveLength(1000)
    // Two for the result, which must be a new object, and two for the stacks.
    expect(merges).toBeLessThan(6 * 1000)
  })

  it('keep a key that comes back after its windows were cleared', async () => {
    const harness = await new OperatorHarness(gather(tumbling(10))).open()
    harness.send({ key: 'a', n: 1 }, 3)
    harness.watermark(9)
    harness.send({ key: 'a', n: 2 }, 13)
    harness.snapshot()
    harness.send({ key: 'a', n: 3 }, 14)
    harness.watermark(19)
    expect(harness.records.at(-1)).toEqual({ key: 'a', start: 10, end: 20, values: [2, 3] })
  })

  it('write nothing for a window that opens and fires within an epoch', async () => {
    const harness = await new OperatorHarness(gather(tumbling(10))).open()
    harness.send({ key: 'a', n: 1 }, 3)
    harness.watermark(9)
    expect(harness.snapshot()).toEqual([])
  })

  it('write only the new elements of a growing window', async () => {
    const harness = await new OperatorHarness(gather(tumbling(10))).open()
    harness.send({ key: 'a', n: 1 }, 3)
    harness.send({ key: 'a', n: 2 }, 3)
    expect(harness.snapshot()).toHaveLength(3)
    harness.send({ key: 'a', n: 3 }, 3)
    expect(harness.snapshot()).toHaveLength(2)
  })
})

describe('windows in processing time', () => {
  it('fire when the clock has passed their end', async () => {
    const clock = new VirtualClock({ startMs: 1000 })
    const harness = await new OperatorHarness(gather(tumbling(10, { time: 'processing' })), new Map(), clock).open()
    harness.send({ key: 'a', n: 1 }, 5)
    await clock.advanceTo(1009)
    expect(harness.records).toEqual([])
    harness.send({ key: 'a', n: 2 }, 5)
    await clock.advanceTo(1010)
    expect(harness.records).toEqual([{ key: 'a', start: 1000, end: 1010, values: [1, 2] }])
  })

  it('fire at the end of the input, since no time will pass any more', async () => {
    const harness = await new OperatorHarness(gather(sessions(10, { time: 'processing' }))).open()
    harness.send({ key: 'a', n: 1 }, 5)
    harness.end()
    expect(harness.records).toEqual([{ key: 'a', start: 0, end: 10, values: [1] }])
  })
})
