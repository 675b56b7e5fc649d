import { describe, expect, it } from 'vitest'
import { type Evictor, evictors } from '../../../src/operator/window/evictor.ts'
import type { Trigger } from '../../../src/operator/window/trigger.ts'
import { triggers } from '../../../src/operator/window/triggers.ts'
import { globalWindows, tumbling } from '../../../src/operator/window/window-assigner.ts'
import { OperatorHarness } from '../operator-harness.ts'
import { gather, type Reading, type Result } from './windows-under-test.ts'

function harnessOf(evictor: Evictor<Reading>, trigger: Trigger<unknown> = triggers.count(3)): Promise<OperatorHarness> {
  return new OperatorHarness(create(evictor, trigger)).open()
}

function create(evictor: Evictor<Reading>, trigger: Trigger<unknown>): ReturnType<typeof gather> {
  return gather(globalWindows(), { evictor: evictor as Evictor<never>, trigger: trigger as Trigger<never> })
}

function values(harness: OperatorHarness): (readonly number[])[] {
  return (harness.records as Result[]).map((result) => result.values)
}

function sendAll(harness: OperatorHarness, ...readings: readonly (readonly [n: number, time: number])[]): void {
  for (const [n, time] of readings) harness.send({ key: 'a', n }, time)
}

describe('an evictor', () => {
  it('keeps the last so many records', async () => {
    const harness = await harnessOf(evictors.count(2))
    sendAll(harness, [1, 0], [2, 0], [3, 0], [4, 0], [5, 0], [6, 0])
    expect(values(harness)).toEqual([
      [2, 3],
      [5, 6],
    ])
  })

  it('keeps the records that are not too old, by their own times', async () => {
    const harness = await harnessOf(evictors.time(10))
    sendAll(harness, [1, 0], [2, 12], [3, 5], [4, 15], [5, 16], [6, 17])
    expect(values(harness)).toEqual([
      [2, 3],
      [2, 4, 5, 6],
    ])
  })

  it('keeps the records that are near the last one', async () => {
    const harness = await harnessOf(evictors.delta(5, (a, b) => Math.abs(a.n - b.n)))
    sendAll(harness, [1, 0], [20, 0], [18, 0])
    expect(values(harness)).toEqual([[20, 18]])
  })

  it('may take records out when the function has seen them', async () => {
    const harness = await harnessOf(evictors.count(1, { when: 'after' }))
    sendAll(harness, [1, 0], [2, 0], [3, 0], [4, 0], [5, 0], [6, 0])
    expect(values(harness)).toEqual([
      [1, 2, 3],
      [3, 4, 5, 6],
    ])
  })

  it('leaves what it left, with its times, over a restore', async () => {
    const evictor = evictors.time(10)
    let harness = await harnessOf(evictor)
    sendAll(harness, [1, 0], [2, 12], [3, 5], [4, 13])
    harness.snapshot()
    harness = await harness.restart(create(evictor, triggers.count(3)))
    sendAll(harness, [5, 14], [6, 22])
    expect(values(harness)).toEqual([[4, 5, 6]])
  })

  it('works on windows of time too', async () => {
    const operator = gather(tumbling(100), { evictor: evictors.count(2) as Evictor<never> })
    const harness = await new OperatorHarness(operator).open()
    sendAll(harness, [1, 0], [2, 50], [3, 99], [4, 100])
    harness.watermark(1000)
    expect(values(harness)).toEqual([[2, 3], [4]])
  })
})
