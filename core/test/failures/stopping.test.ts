import { describe, expect, it } from 'vitest'
import { type Job, job, json, restart } from '../../src/index.ts'
import { begin, type Servers, send, servers, values } from './run-until.ts'

const passing: Job = job('passing', (env) => {
  env.topic('in', json<number>()).toTopic('out', json())
})

const failing: Job = job('failing', (env) => {
  env
    .topic('in', json<number>())
    .map((n) => {
      if (n === 2) throw new Error('not yet')
      return n
    })
    .toTopic('out', json())
})

async function settled<T>(on: Servers, promise: Promise<T>, ms = 100): Promise<T> {
  promise.catch(() => {})
  await on.clock.advanceBy(ms)
  return promise
}

describe('stopping a job', () => {
  it('commits what was read, long before the epoch would have ended', async () => {
    const on = servers({ in: 1, out: 1 })
    const handle = begin(on, passing, { epochInterval: '30s' })
    send(on, 'in', [1, 2, 3])
    await on.clock.advanceBy(50)
    expect(values(on, 'out')).toEqual([])
    expect(await settled(on, handle.stop())).toMatchObject({
      job: 'passing',
      outcome: 'stopped',
      recordsIn: 3,
      recordsOut: 3,
      epochs: 1,
      restarts: 0,
    })
    expect(values(on, 'out')).toEqual([1, 2, 3])
    expect(on.log.storage.committed('passing', 'in', 0)).toMatchObject({ offset: 3 })
    expect(handle.health()).toMatchObject({ live: true, ready: false, state: 'stopped' })
  })

  it('twice, at once or later, gives the same result', async () => {
    const on = servers({ in: 1, out: 1 })
    const handle = begin(on, passing)
    await on.clock.advanceBy(50)
    const [first, second] = await settled(on, Promise.all([handle.stop(), handle.stop()]))
    expect(second).toEqual(first)
    expect(await handle.stop()).toEqual(first)
    expect(await handle.done).toEqual(first)
  })

  it('before it is ready ends it without a task', async () => {
    const on = servers({ in: 1, out: 1 })
    send(on, 'in', [1])
    const handle = begin(on, passing)
    const stopped = handle.stop()
    expect(await settled(on, stopped)).toMatchObject({ outcome: 'stopped', recordsIn: 0 })
    await expect(handle.ready).resolves.toBeUndefined()
    expect(values(on, 'out')).toEqual([])
  })

  it.each([0, 1, 2, 3, 5, 8])('during its start, %i ms in, ends it and loses nothing', async (ms) => {
    const on = servers({ in: 1, out: 1 })
    const slow = { ...on, log: { ...on.log, create: on.log.create } }
    send(on, 'in', [1, 2])
    const handle = begin(slow, passing)
    await on.clock.advanceBy(ms)
    expect(await settled(on, handle.stop(), 5000)).toMatchObject({ outcome: 'stopped' })
    const again = begin(on, passing)
    await on.clock.advanceBy(100)
    await settled(on, again.stop())
    expect(values(on, 'out')).toEqual([1, 2])
  })

  it('while a task waits to be started again ends at once, and the next run goes on behind the last epoch', async () => {
    const on = servers({ in: 1, out: 1 })
    const handle = begin(on, failing, { restart: restart.fixedDelay({ attempts: 3, delay: '1h' }) })
    send(on, 'in', [1])
    await on.clock.advanceBy(100)
    send(on, 'in', [2, 3])
    await on.clock.advanceBy(100)
    expect(handle.health().state).toBe('restarting')
    expect(await settled(on, handle.stop(), 20)).toMatchObject({ outcome: 'stopped' })
    expect(values(on, 'out')).toEqual([1])
    const fixed = job('failing', (env) => {
      env.topic('in', json<number>()).toTopic('out', json())
    })
    const again = begin(on, fixed)
    await on.clock.advanceBy(100)
    await settled(on, again.stop())
    expect(values(on, 'out')).toEqual([1, 2, 3])
  })

  it('after a failure rejects with that failure, each time', async () => {
    const on = servers({ in: 1, out: 1 })
    const handle = begin(on, failing)
    send(on, 'in', [2])
    await on.clock.advanceBy(100)
    for (let n = 0; n < 2; n++) await expect(handle.stop()).rejects.toMatchObject({ code: 'USER_FUNCTION_FAILED' })
  })

  it('after the input has ended gives the result of the end', async () => {
    const on = servers({ out: 1 })
    const handle = begin(
      on,
      job('bounded', (env) => {
        env.from([1, 2]).toTopic('out', json())
      }),
    )
    await on.clock.advanceBy(100)
    expect(await handle.done).toMatchObject({ outcome: 'finished', recordsOut: 2 })
    expect(await handle.stop()).toMatchObject({ outcome: 'finished' })
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('on %s commits and ends, and leaves no listener behind', async (signal) => {
    const on = servers({ in: 1, out: 1 })
    const before = process.listenerCount(signal)
    const handle = begin(on, passing, { stopOnSignals: true, epochInterval: '30s' })
    expect(process.listenerCount(signal)).toBe(before + 1)
    send(on, 'in', [1])
    await on.clock.advanceBy(50)
    process.listeners(signal).at(-1)?.(signal)
    expect(await settled(on, handle.done)).toMatchObject({ outcome: 'stopped' })
    expect(values(on, 'out')).toEqual([1])
    expect(process.listenerCount('SIGTERM') + process.listenerCount('SIGINT')).toBeLessThanOrEqual(2 * before)
  })
})
