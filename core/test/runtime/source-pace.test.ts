import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { job, json, watermarks } from '../../src/index.ts'
import type { LogBatch } from '../../src/log/log.ts'
import { PacedReader } from '../../src/runtime/paced-reader.ts'
import { SourcePace } from '../../src/runtime/source-pace.ts'
import { testHarness } from '../../src/testing/index.ts'
import { VirtualClock } from '../../src/time/virtual-clock.ts'

const regions = [
  { id: 'a', parallelism: 2 },
  { id: 'b', parallelism: 1 },
]

function tasks() {
  const clock = new VirtualClock()
  const pace = new SourcePace(regions)
  // What a thread sees.
  const shared = new SourcePace(regions, pace.memory)
  return { clock, first: pace.join('a', 0, clock), second: shared.join('a', 1, clock), third: pace.join('b', 0, clock) }
}

describe('tasks that read in step', () => {
  it('wait while they are more than eight batches ahead, and go on when they are four', () => {
    const { first, second } = tasks()
    // Every batch takes it 100 ms further.
    for (let batch = 0; batch < 200; batch++) first.mayRead(batch * 100)
    second.mayRead(20_000 - 790)
    expect(first.mayRead(20_000)).toBe(true)
    expect(first.mayRead(20_100)).toBe(false)
    second.mayRead(20_100 - 500)
    expect(first.mayRead(20_100)).toBe(false)
    second.mayRead(20_100 - 390)
    expect(first.mayRead(20_100)).toBe(true)
  })

  it('wait for tasks of other regions too', () => {
    const { first, third } = tasks()
    third.mayRead(0)
    first.mayRead(1_000)
    expect(first.mayRead(1_000_000)).toBe(false)
  })

  it('wait for none that has nothing to read, or says nothing for a while', async () => {
    const { clock, first, second } = tasks()
    second.mayRead(0)
    first.mayRead(1_000)
    expect(first.mayRead(1_000_000)).toBe(false)
    second.rest()
    expect(first.mayRead(1_000_000)).toBe(true)
    second.mayRead(0)
    expect(first.mayRead(1_000_001)).toBe(false)
    await clock.advanceBy(300)
    expect(first.mayRead(1_000_001)).toBe(true)
  })

  it('have no part in it where they have no event time', () => {
    const { first, second } = tasks()
    expect(second.mayRead(Number.NaN)).toBe(true)
    first.mayRead(0)
    expect(first.mayRead(1_000_000)).toBe(true)
    expect(second.mayRead(Number.NaN)).toBe(true)
  })

  it('never all wait', () => {
    const step = fc.record({ task: fc.nat(2), by: fc.nat(1_000), rests: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const { first, second, third } = tasks()
        const all = [first, second, third]
        const reached = [0, 0, 0]
        for (const { task, by, rests } of steps) {
          const one = all[task] as (typeof all)[number]
          if (rests) one.rest()
          else if (one.mayRead(reached[task] as number)) reached[task] = (reached[task] as number) + by
          const ask = () => all.map((other, index) => other.mayRead(reached[index] as number))
          // The first answers may be by what others have said before.
          ask()
          const may = ask()
          expect(may.some(Boolean)).toBe(true)
        }
      }),
    )
  })
})

describe('a reader of a task that is ahead', () => {
  it('keeps its batch until the others have come near, and says so then', async () => {
    const { clock, first, second } = tasks()
    const batches = [{ topic: 't', partition: 0 } as LogBatch, { topic: 't', partition: 0 } as LogBatch]
    let woken = 0
    const position = { reached: 1_000 }
    const paced = new PacedReader({
      reader: { take: () => batches.shift() },
      pace: first,
      reached: () => position.reached,
      setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback),
      onAvailable: () => woken++,
    })
    second.mayRead(0)
    expect(paced.take()).toBeUndefined()
    expect(paced.take()).toBeUndefined()
    await clock.advanceBy(5)
    expect(woken).toBe(1)
    second.mayRead(1_000)
    expect(paced.take()).toBeDefined()
    position.reached = 2_000_000
    second.mayRead(1_000)
    expect(paced.take()).toBeUndefined()
    second.rest()
    expect(paced.take()).toBeDefined()
    // It has nothing more, so that nobody waits for it.
    expect(paced.take()).toBeUndefined()
    expect(second.mayRead(9_000_000)).toBe(true)
  })
})

describe('the tasks of a process', () => {
  it('read partitions of different density in step, so that little waits behind an exchange', async () => {
    const each = 1_000
    const passed = [-1, -1]
    let furthest = 0
    const spread = job('spread', (env) => {
      env
        .topic('in', json<{ readonly partition: number; readonly time: number }>(), {
          time: watermarks.monotonous(({ time }) => time),
        })
        .map((record) => {
          passed[record.partition] = record.time
          const [dense, sparse] = passed as [number, number]
          if (dense < each - 1) furthest = Math.max(furthest, sparse - dense)
          return record
        })
        .rebalance()
        .map((record) => record)
        .toTopic('out', json())
    })
    const t = await testHarness(spread, { partitions: { in: 2 }, run: { parallelism: 2 } })
    for (let n = 0; n < each; n++) {
      t.topic('in').send({ partition: 0, time: n }, { partition: 0 })
      t.topic('in').send({ partition: 1, time: n * 10 }, { partition: 1 })
    }
    await t.advanceBy('10s')
    expect(t.topic('out').values()).toHaveLength(2 * each)
    // Eight batches of a record each, and the one that shows that it is ahead.
    expect(furthest).toBeLessThanOrEqual(100)
    await t.stop()
  })
})
