import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BatchingOptions } from '../../src/connector/batching.ts'
import { batchingSink, job, json, type StreamError } from '../../src/index.ts'
import { SimulatedCluster, testHarness, VirtualClock } from '../../src/testing/index.ts'

type Write = BatchingOptions<number>['write']

interface Started {
  readonly clock: VirtualClock
  readonly writer: Awaited<ReturnType<ReturnType<typeof batchingSink<number>>['open']>>
}

async function started(write: Write, options: Partial<BatchingOptions<number>> = {}): Promise<Started> {
  const clock = new VirtualClock()
  const writer = await batchingSink<number>({ name: 'test', guarantee: 'at-least-once', write, ...options }).open({
    job: 'test',
    operator: 'sink',
    index: 0,
    parallelism: 1,
    onAvailable() {},
    now: () => clock.now(),
    setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback),
  })
  return { clock, writer }
}

describe('a batching sink', () => {
  it('writes a batch when it is full, when its first record has waited, and at a commit', async () => {
    const batches: (readonly number[])[] = []
    const { clock, writer } = await started(async (batch) => void batches.push(batch), { maxRecords: 3, linger: 50 })
    for (const n of [1, 2, 3, 4]) writer.write(n, 0)
    expect(batches).toEqual([[1, 2, 3]])
    await clock.advanceBy(49)
    writer.write(5, 0)
    expect(batches).toHaveLength(1)
    await clock.advanceBy(1)
    expect(batches[1]).toEqual([4, 5])
    writer.write(6, 0)
    const flushed = writer.flush()
    await clock.runUntilIdle()
    await flushed
    expect(batches[2]).toEqual([6])
  })

  it('keeps no more calls in flight than it may, and is full meanwhile', async () => {
    const open: (() => void)[] = []
    const { clock, writer } = await started(() => new Promise((resolve) => open.push(resolve)), {
      maxRecords: 1,
      maxInFlight: 2,
    })
    for (const n of [1, 2, 3]) writer.write(n, 0)
    expect([open.length, writer.isFull]).toEqual([2, false])
    writer.write(4, 0)
    expect([open.length, writer.isFull]).toEqual([2, true])
    open[0]?.()
    await clock.runUntilIdle()
    expect([open.length, writer.isFull]).toEqual([3, false])
  })

  it('tries again what failed, after ever longer waits, and only what failed', async () => {
    const calls: [time: number, attempt: number, batch: readonly number[]][] = []
    const { clock, writer } = await started(
      async (batch, { attempt }) => {
        calls.push([clock.now(), attempt, batch])
        if (attempt === 1) throw new Error('away')
        if (attempt === 2) return { retry: [2] }
        return undefined
      },
      { retry: { delay: 100 } },
    )
    for (const n of [1, 2, 3]) writer.write(n, 0)
    const flushed = writer.flush()
    await clock.advanceBy(1_000)
    await flushed
    expect(calls.map(([, attempt, batch]) => [attempt, batch])).toEqual([
      [1, [1, 2, 3]],
      [2, [1, 2, 3]],
      [3, [2]],
    ])
    const [first, second] = [1, 2].map((at) => (calls[at]?.[0] ?? 0) - (calls[at - 1]?.[0] ?? 0)) as [number, number]
    expect(first).toBeGreaterThanOrEqual(50)
    expect(first).toBeLessThanOrEqual(100)
    expect(second).toBeGreaterThanOrEqual(100)
    expect(second).toBeLessThanOrEqual(200)
  })

  it('writes no faster than it may', async () => {
    const times: number[] = []
    const { clock, writer } = await started(async () => void times.push(clock.now()), {
      maxRecords: 10,
      maxRecordsPerSecond: 100,
    })
    for (let n = 0; n < 30; n++) writer.write(n, 0)
    await clock.advanceBy(1_000)
    expect(times).toEqual([0, 100, 200])
  })

  it('gives up after the last attempt, and says so at the next question', async () => {
    const { clock, writer } = await started(() => Promise.reject(new Error('gone for good')), {
      maxRecords: 1,
      retry: { maxAttempts: 3, delay: 10 },
    })
    writer.write(1, 0)
    await clock.advanceBy(100)
    expect(() => writer.isFull).toThrow('gone for good')
    await expect(writer.flush()).rejects.toThrow('gone for good')
  })

  it('fails the job with the operator and the cause', async () => {
    const failing = job('failing', (env) => {
      env
        .topic('in', json<number>())
        .to(
          batchingSink({
            name: 'gone',
            guarantee: 'idempotent',
            retry: { maxAttempts: 1 },
            write: () => Promise.reject(new Error('no such host')),
          }),
        )
        .uid('out')
    })
    const t = await testHarness(failing)
    t.topic<number>('in').send(1)
    await expect(t.advanceBy('1m')).rejects.toSatisfy(
      (error: StreamError) =>
        error.code === 'SINK_FAILED' && error.where.operator === 'out' && /no such host/.test(error.message),
    )
  })

  it('refuses limits that make no sense', () => {
    const write: Write = async () => {}
    const sink = (options: Partial<BatchingOptions<number>>) => () =>
      batchingSink({ name: 'x', guarantee: 'idempotent', write, ...options })
    expect(sink({ maxRecords: 0 })).toThrow(/maxRecords is 0/)
    expect(sink({ maxRecordsPerSecond: 0 })).toThrow(/maxRecordsPerSecond is 0/)
    expect(sink({ retry: { maxAttempts: 1.5 } })).toThrow(/maxAttempts is 1.5/)
  })

  it('loses nothing over crashes, and has the effect of one write where it is idempotent', {
    timeout: 60_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 1, max: 9 }),
        async (crashAt, maxRecords) => {
          const table = new Map<number, number>()
          let calls = 0
          const cluster = new SimulatedCluster(
            job('kept', (env) => {
              env.topic('in', json<number>(), { bounded: true }).to(
                batchingSink({
                  name: 'table',
                  guarantee: 'idempotent',
                  maxRecords,
                  write: async (batch) => {
                    if (++calls % 3 === 0) throw new Error('try again')
                    for (const n of batch) table.set(n, n * 2)
                  },
                }),
              )
            }),
            { seed: crashAt, run: { allowVolatileState: true } },
          )
          cluster.log.storage.createTopic('in', 1)
          for (let n = 0; n < 30; n++)
            cluster.log.storage.write('in', 0, [{ value: Buffer.from(String(n)), timestamp: n }])
          const first = cluster.startWorker('first')
          first.clock.crashAt(crashAt)
          await cluster.runUntil(() => cluster.isFinished || first.clock.state === 'crashed', 60_000)
          if (!cluster.isFinished) {
            cluster.startWorker('second')
            await cluster.runUntil(() => cluster.isFinished, 120_000)
          }
          expect([...table.keys()].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n))
        },
      ),
      { numRuns: 40 },
    )
  })
})
