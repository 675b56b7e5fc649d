import { describe, expect, it } from 'vitest'
import { type Collector, type Environment, job, json, memoryLog, memoryState, number, string } from '../../src/index.ts'
import type { StartPosition } from '../../src/plan/logical-graph.ts'
import { testHarness } from '../../src/testing/index.ts'

function numbersAt(...times: readonly number[]): ReturnType<typeof memoryLog> {
  const log = memoryLog()
  log.storage.createTopic('in', 1)
  times.forEach((timestamp, n) => {
    log.storage.write('in', 0, [{ value: Buffer.from(String(n)), timestamp }])
  })
  return log
}

const read = (seen: number[], start?: StartPosition) => (env: Environment) =>
  void env.topic('in', json<number>(), { bounded: true, ...(start !== undefined && { start }) }).collect(seen)

describe('a topic', () => {
  it.each<[StartPosition | undefined, number[]]>([
    [undefined, [0, 1, 2, 3]],
    ['earliest', [0, 1, 2, 3]],
    [250, [2, 3]],
    [1_000, []],
    ['latest', []],
  ])('is read from where the job says: %j', async (start, expected) => {
    const seen: number[] = []
    await job('reader', read(seen, start)).run({ log: numbersAt(100, 200, 300, 400), epochInterval: 5 })
    expect(seen).toEqual(expected)
  })

  it('is read from what was committed wherever the job says that it begins', async () => {
    const log = numbersAt(100, 200)
    const state = memoryState()
    const seen: number[] = []
    const reading = job('reader', (env) => void env.topic('in', json<number>(), { start: 'earliest' }).collect(seen))
    const first = reading.start({ log, state, epochInterval: 5 })
    await expect.poll(() => seen.length).toBe(2)
    await first.stop()
    log.storage.write('in', 0, [{ value: Buffer.from('7'), timestamp: 0 }])
    const second = reading.start({ log, state, epochInterval: 5 })
    await expect.poll(() => seen.length).toBe(3)
    await second.stop()
    expect(seen).toEqual([0, 1, 7])
  })

  it('is read up to where it ended when a bounded job began', async () => {
    const log = numbersAt(100, 200)
    const seen: number[] = []
    await job('reader', (env) => {
      env
        .topic('in', json<number>(), { bounded: true })
        .map((n) => {
          // What comes meanwhile is not of this job.
          if (n === 0) log.storage.write('in', 0, [{ value: Buffer.from('9'), timestamp: 300 }])
          return n
        })
        .collect(seen)
    }).run({ log, epochInterval: 5 })
    expect(seen).toEqual([0, 1])
  })

  it('gives keys, values, times and headers of its records, and tombstones', async () => {
    const t = await testHarness(
      job('records', (env) => {
        env
          .records('in', { key: string(), value: number() })
          .map(({ key, value, timestamp, headers }) => ({
            key,
            value,
            timestamp,
            headers: headers.map((header) => `${header.key}=${Buffer.from(header.value)}`),
          }))
          .toTopic('out', json())
      }),
    )
    t.topic<number>('in').send(5, { key: 'a', timestamp: 7, headers: { from: 'test' } })
    t.topic<number>('in').sendBytes(null, { key: 'b', timestamp: 8 })
    await t.settle()
    expect(t.topic('out').values()).toEqual([
      { key: 'a', value: 5, timestamp: 7, headers: ['from=test'] },
      { key: 'b', value: null, timestamp: 8, headers: [] },
    ])
    await t.stop()
  })

  it('shows output after as long as commits are apart, which is the price of fewer of them', async () => {
    for (const [epochInterval, early] of [
      ['1s', 0],
      ['100ms', 1],
    ] as const) {
      const t = await testHarness(
        job('copy', (env) => void env.topic('in', json<number>()).toTopic('out', json())),
        { run: { epochInterval } },
      )
      t.topic<number>('in').send(1)
      await t.advanceBy('500ms')
      expect(t.topic('out').values()).toHaveLength(early)
      await t.advanceBy('1s')
      expect(t.topic('out').values()).toEqual([1])
      await t.stop()
    }
  })
})

describe('a generator', () => {
  it('makes no more records in a second than it may', async () => {
    const t = await testHarness(
      job('made', (env) => void env.generate({ make: (n) => n, ratePerSecond: 10 }).toTopic('out', json())),
    )
    await t.advanceBy('1s')
    expect(t.topic('out').values().length).toBeGreaterThanOrEqual(9)
    expect(t.topic('out').values().length).toBeLessThanOrEqual(11)
    await t.advanceBy('9s')
    expect(t.topic('out').values().length).toBeLessThanOrEqual(101)
    expect(t.topic('out').values().length).toBeGreaterThanOrEqual(99)
    await t.stop()
  })
})

describe('a job whose input has ended', () => {
  it('waits for timers of processing time where its function says so', async () => {
    const t = await testHarness(
      job('reminders', (env) => {
        env
          .from(['a'])
          .keyBy((word) => word)
          .process({
            timersAtEnd: 'wait',
            onRecord: (_word, { timers, now }) => timers.atProcessingTime(now() + 60_000),
            onTimer: ({ timeMs }, { key }, out: Collector<string>) => out.emit(`${key} at ${timeMs}`),
          })
          .toTopic('out', json())
      }),
      { now: 0 },
    )
    await t.advanceBy('50s')
    expect(t.topic('out').values()).toEqual([])
    expect(t.handle.status().workers[0]?.tasks[0]?.state).toBe('running')
    await t.finish()
    expect(t.topic<string>('out').values()).toEqual(['a at 60000'])
  })
})
