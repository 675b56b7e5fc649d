import { describe, expect, it } from 'vitest'
import type { Operator } from '../../../src/operator/operator.ts'
import type { Trigger } from '../../../src/operator/window/trigger.ts'
import { triggers } from '../../../src/operator/window/triggers.ts'
import {
  customWindows,
  globalWindows,
  sessions,
  tumbling,
  type WindowAssigner,
} from '../../../src/operator/window/window-assigner.ts'
import { type ListDescriptor, listState } from '../../../src/state/keyed/descriptor.ts'
import { VirtualClock } from '../../../src/time/virtual-clock.ts'
import { OperatorHarness } from '../operator-harness.ts'
import { apply, gather, type Reading, type Result } from './windows-under-test.ts'

function started(operator: Operator, clock?: VirtualClock): Promise<OperatorHarness> {
  return new OperatorHarness(operator, new Map(), clock).open()
}

function values(harness: OperatorHarness): (readonly number[])[] {
  return (harness.records as Result[]).map((result) => result.values)
}

function send(harness: OperatorHarness, n: number, time: number): void {
  harness.send({ key: 'a', n }, time)
}

const byAnything: Trigger<never> = triggers.never() as Trigger<never>

function triggered(assigner: WindowAssigner<Reading>, trigger: Trigger<Reading>, lateness = 0): Operator {
  return gather(assigner, { trigger: trigger as unknown as typeof byAnything, lateness })
}

describe('a trigger', () => {
  it('may count records, and the window keeps what it holds unless it purges', async () => {
    const counting = await started(triggered(globalWindows(), triggers.count(2)))
    const purging = await started(triggered(globalWindows(), triggers.purging(triggers.count(2))))
    for (const harness of [counting, purging]) for (const n of [1, 2, 3, 4, 5]) send(harness, n, n)
    expect(values(counting)).toEqual([
      [1, 2],
      [1, 2, 3, 4],
    ])
    expect(values(purging)).toEqual([
      [1, 2],
      [3, 4],
    ])
  })

  it('leaves nothing behind for a key whose global window was purged', async () => {
    const harness = await started(triggered(globalWindows(), triggers.purging(triggers.count(2))))
    send(harness, 1, 1)
    harness.snapshot()
    expect(harness.stored.size).toBeGreaterThan(0)
    send(harness, 2, 2)
    harness.snapshot()
    expect(harness.stored.size).toBe(0)
  })

  it('may fire at intervals of event time, and at the end of the window', async () => {
    const harness = await started(triggered(tumbling(100), triggers.continuousEventTime(30)))
    send(harness, 1, 5)
    harness.watermark(30)
    send(harness, 2, 45)
    harness.watermark(60)
    send(harness, 3, 80)
    harness.watermark(99)
    expect(values(harness)).toEqual([[1], [1, 2], [1, 2, 3], [1, 2, 3]])
    harness.snapshot()
    expect(harness.stored.size).toBe(0)
  })

  it('may fire at intervals of the clock, as long as records come', async () => {
    const clock = new VirtualClock({ startMs: 0 })
    const trigger = triggers.endOfWindow<Reading>({ early: triggers.continuousProcessingTime(10) })
    const harness = await started(triggered(tumbling(1000), trigger), clock)
    send(harness, 1, 5)
    await clock.advanceTo(10)
    await clock.advanceTo(50)
    send(harness, 2, 6)
    await clock.advanceTo(60)
    harness.watermark(999)
    expect(values(harness)).toEqual([[1], [1, 2], [1, 2]])
  })

  it('may fire before, at and after the end of the window, and the function is told which it is', async () => {
    const trigger = triggers.endOfWindow<Reading>({ early: triggers.count(2), late: triggers.count(2) })
    const operator = apply(
      tumbling(10),
      (readings, { firing, isUpdate }) => `${firing} ${isUpdate} ${readings.map(({ n }) => n).join()}`,
      { trigger: trigger as unknown as typeof byAnything, lateness: 100 },
    )
    const harness = await started(operator)
    for (const n of [1, 2, 3]) send(harness, n, n)
    harness.watermark(9)
    for (const n of [4, 5, 6]) send(harness, n, n)
    harness.watermark(200)
    expect(harness.records).toEqual(['early false 1,2', 'on-time true 1,2,3', 'late true 1,2,3,4,5'])
  })

  it('may wait for a record that is far enough from the last one that fired', async () => {
    const distance = (from: Reading, current: Reading): number => Math.abs(current.n - from.n)
    const harness = await started(triggered(globalWindows(), triggers.purging(triggers.delta(10, distance))))
    for (const n of [0, 5, 10, 11, 15, 22]) send(harness, n, n)
    expect(values(harness)).toEqual([
      [0, 5, 10, 11],
      [15, 22],
    ])
  })

  it('may fire after a silence, counted from the last record or from the first', async () => {
    for (const [restart, expected] of [
      [true, [[1, 2], [3]]],
      [false, [[1], [2, 3]]],
    ] as const) {
      const clock = new VirtualClock({ startMs: 0 })
      const trigger = triggers.timeout<Reading>(triggers.never(), 10, { restart })
      const harness = await started(triggered(globalWindows(), trigger), clock)
      send(harness, 1, 0)
      await clock.advanceTo(8)
      if (!restart) await clock.advanceTo(10)
      send(harness, 2, 0)
      await clock.advanceTo(18)
      send(harness, 3, 0)
      await clock.advanceTo(100)
      expect(values(harness)).toEqual(expected)
    }
  })

  it('may wait for the end of the input', async () => {
    const harness = await started(triggered(globalWindows(), triggers.endOfStream()))
    for (const n of [1, 2]) send(harness, n, n)
    harness.watermark(1_000_000)
    expect(values(harness)).toEqual([])
    harness.watermark(Number.POSITIVE_INFINITY)
    expect(values(harness)).toEqual([[1, 2]])
  })

  it('keeps its state and timers over a restore, also where it is made of others', async () => {
    const clock = new VirtualClock({ startMs: 0 })
    const create = (): Operator =>
      triggered(globalWindows(), triggers.timeout<Reading>(triggers.purging(triggers.count(3)), 50))
    let harness = await started(create(), clock)
    send(harness, 1, 0)
    send(harness, 2, 0)
    harness.snapshot()
    harness = await harness.restart(create())
    send(harness, 3, 0)
    expect(values(harness)).toEqual([[1, 2, 3]])
    send(harness, 4, 0)
    harness.snapshot()
    harness = await harness.restart(create())
    await clock.advanceTo(50)
    expect(values(harness)).toEqual([[4]])
  })

  it('of one’s own has state and timers of the window, which merge with it', async () => {
    const seen: Trigger<Reading, { all: ListDescriptor<number> }> = {
      name: 'three together',
      state: { all: listState<number>() },
      onRecord({ n }, _timestamp, { state, timers, window }) {
        state.all.add(n)
        timers.atEventTime(window.end - 1)
        return state.all.get().length >= 3 ? 'fire' : 'continue'
      },
      onTimer: ({ timeMs }, { window }) => (timeMs === window.end - 1 ? 'fire' : 'continue'),
      onMerge({ timers, window }) {
        timers.atEventTime(window.end - 1)
      },
    }
    const harness = await started(triggered(sessions(10), seen as unknown as Trigger<Reading>))
    send(harness, 1, 0)
    send(harness, 2, 15)
    harness.watermark(4)
    send(harness, 3, 8)
    expect(values(harness)).toEqual([[1, 2, 3]])
    harness.watermark(23)
    expect(values(harness)).toEqual([[1, 2, 3]])
    harness.watermark(24)
    expect(values(harness)).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ])
    harness.snapshot()
    expect(harness.stored.size).toBe(0)
  })

  it('decides about windows that a function of one’s own assigned and merges', async () => {
    const meetings = customWindows<Reading>({
      merging: true,
      assign: ({ n }, time) => [{ start: time, end: time + n }],
    })
    const harness = await started(gather(meetings))
    send(harness, 10, 0)
    send(harness, 3, 20)
    send(harness, 30, 5)
    harness.watermark(100)
    expect(harness.records).toEqual([{ key: 'a', start: 0, end: 35, values: [10, 3, 30] }])
  })
})
