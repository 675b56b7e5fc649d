import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sleep } from '../../src/time/clock.ts'
import { VirtualClock } from '../../src/time/virtual-clock.ts'

describe('VirtualClock', () => {
  it('stands still until it is moved', async () => {
    const clock = new VirtualClock({ startMs: 100 })
    let fired = false
    clock.setTimer(1, () => {
      fired = true
    })
    await clock.yield()
    expect([clock.now(), fired, clock.nextTimerMs]).toEqual([100, false, 101])
  })

  it('fires timers in the order of their time, then of their creation, each at its time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: -1, max: 20 }), { maxLength: 30 }), async (delays) => {
        const clock = new VirtualClock()
        const fired: [number, number][] = []
        for (const [id, delay] of delays.entries()) clock.setTimer(delay, () => fired.push([clock.now(), id]))
        await clock.advanceTo(10)
        const expected = delays
          .map((delay, id): [number, number] => [Math.max(0, delay), id])
          .filter(([timeMs]) => timeMs <= 10)
          .toSorted(([a], [b]) => a - b)
        expect(fired).toEqual(expected)
        expect(clock.now()).toBe(10)
      }),
      { numRuns: 40 },
    )
  })

  it('does not fire a cancelled timer, and cancelling again or after it fired does nothing', async () => {
    const clock = new VirtualClock()
    const fired: string[] = []
    const cancelFirst = clock.setTimer(5, () => fired.push('first'))
    const cancelSecond = clock.setTimer(5, () => fired.push('second'))
    clock.setTimer(5, () => fired.push('third'))
    cancelFirst()
    cancelFirst()
    await clock.advanceBy(5)
    cancelSecond()
    expect(fired).toEqual(['second', 'third'])
    expect(clock.nextTimerMs).toBeUndefined()
  })

  it('lets a timer cancel another one that is due at the same time', async () => {
    const clock = new VirtualClock()
    const fired: string[] = []
    clock.setTimer(5, () => cancel())
    const cancel = clock.setTimer(5, () => fired.push('cancelled'))
    await clock.advanceBy(5)
    expect(fired).toEqual([])
  })

  it('fires timers that were set on the way, at their own times', async () => {
    const clock = new VirtualClock()
    const fired: number[] = []
    const again = (): void => {
      fired.push(clock.now())
      clock.setTimer(3, again)
    }
    clock.setTimer(3, again)
    await clock.advanceBy(10)
    expect(fired).toEqual([3, 6, 9])
    expect(clock.nextTimerMs).toBe(12)
  })

  it('runs everything that a timer has made ready before the next timer', async () => {
    const clock = new VirtualClock()
    const order: string[] = []
    const react = async (): Promise<void> => {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve()
      await clock.yield()
      order.push(`reactions of the first at ${clock.now()}`)
    }
    clock.setTimer(1, () => void react())
    clock.setTimer(2, () => order.push('second'))
    await clock.advanceBy(5)
    expect(order).toEqual(['reactions of the first at 1', 'second'])
  })

  it('resumes those who yield in turn', async () => {
    const clock = new VirtualClock()
    const order: string[] = []
    const run = async (name: string): Promise<void> => {
      for (let round = 0; round < 3; round++) {
        await clock.yield()
        order.push(name)
      }
    }
    const both = Promise.all([run('a'), run('b')])
    await clock.runUntilIdle()
    expect(order).toEqual(['a', 'b', 'a', 'b', 'a', 'b'])
    await both
  })

  it('resumes a yield also while nobody moves it, without time passing', async () => {
    const clock = new VirtualClock({ startMs: 7 })
    await clock.yield()
    await clock.yield()
    expect(clock.now()).toBe(7)
  })

  it('advances from timer to timer until there is none', async () => {
    const clock = new VirtualClock()
    clock.setTimer(10, () => undefined)
    clock.setTimer(30, () => undefined)
    const times: number[] = []
    while (await clock.advanceToNextTimer()) times.push(clock.now())
    expect(times).toEqual([10, 30])
    expect(await clock.advanceToNextTimer()).toBe(false)
    expect(clock.now()).toBe(30)
  })

  it('never goes back', async () => {
    const clock = new VirtualClock({ startMs: 50 })
    await clock.advanceTo(10)
    expect(clock.now()).toBe(50)
  })

  it('rejects with what a callback threw, and can be moved on', async () => {
    const clock = new VirtualClock()
    const fired: number[] = []
    clock.setTimer(1, () => {
      throw new Error('broken')
    })
    clock.setTimer(2, () => fired.push(clock.now()))
    await expect(clock.advanceBy(5)).rejects.toThrow('broken')
    await clock.advanceTo(5)
    expect(fired).toEqual([2])
  })

  it('refuses to be moved by two at once', async () => {
    const clock = new VirtualClock()
    const first = clock.advanceBy(5)
    await expect(clock.advanceBy(5)).rejects.toThrow(/already being moved/)
    await first
    expect(clock.now()).toBe(5)
  })

  it('reports code that yields without end', async () => {
    const clock = new VirtualClock({ maxYieldsPerInstant: 50 })
    let stopped = false
    const loop = (async (): Promise<void> => {
      while (!stopped) await clock.yield()
    })()
    await expect(clock.runUntilIdle()).rejects.toThrow(/without end/)
    stopped = true
    await clock.runUntilIdle()
    await loop
  })

  it('drives sleep, which an abort ends at once', async () => {
    const clock = new VirtualClock()
    const abort = new AbortController()
    const slept = sleep(clock, 10).then(() => clock.now())
    const aborted = sleep(clock, 10, abort.signal)
    abort.abort(new Error('no longer wanted'))
    await expect(aborted).rejects.toThrow('no longer wanted')
    await clock.advanceBy(20)
    expect(await slept).toBe(10)
    expect(clock.nextTimerMs).toBeUndefined()
  })
})
