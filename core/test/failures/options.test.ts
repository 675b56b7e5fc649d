import { describe, expect, it } from 'vitest'
import { type Job, job, json, type RunOptions, restart, tumbling, watermarks } from '../../src/index.ts'
import { failureOf, servers } from './run-until.ts'

const target = job('options', (env) => {
  env.from([1]).collect([])
})

describe('a wrong option is refused at start, naming option and value', () => {
  it.each<[RunOptions, RegExp]>([
    [{ parallelism: 0 }, /parallelism is 0/],
    [{ parallelism: 1.5 }, /parallelism is 1\.5/],
    [{ parallelism: Number.NaN }, /parallelism is NaN/],
    [{ parallelism: 'all' as never }, /parallelism is all/],
    [{ parallelism: 129 }, /parallelism \(129\).*maxParallelism \(128\)/],
    [{ maxParallelism: 0 }, /maxParallelism is 0/],
    [{ maxParallelism: 1_000_000 }, /maxParallelism is 1000000/],
    [{ slots: -1 }, /slots is -1/],
    [{ group: '' }, /group/],
    [{ guarantee: 'maybe' as never }, /guarantee is 'maybe'.*exactly-once/],
    [{ epochInterval: 0 }, /epochInterval is 0/],
    [{ epochInterval: -5 }, /-5/],
    [{ epochInterval: 'soon' as never }, /epochInterval.*soon/],
    [{ transactionTimeout: 0 }, /transactionTimeout is 0/],
    [{ transactionTimeout: '1s', epochInterval: '1s' }, /transactionTimeout.*epochInterval/],
    [{ maxBufferedInputBytes: 0 }, /maxBufferedInputBytes is 0/],
    [{ maxBufferedOutputBytes: -1 }, /maxBufferedOutputBytes is -1/],
    [{ sessionTimeout: 0 }, /sessionTimeout is 0/],
    [{ heartbeatInterval: 0 }, /heartbeatInterval is 0/],
    [{ heartbeatInterval: '6s', sessionTimeout: '10s' }, /heartbeatInterval \(6000 ms\).*sessionTimeout \(10000 ms\)/],
    [{ rebalanceTimeout: 0 }, /rebalanceTimeout is 0/],
    [{ backPressure: { samples: 0 } }, /backPressure\.samples is 0/],
    [{ backPressure: { delay: 0 } }, /backPressure\.delay is 0/],
    [{ backPressure: { refreshInterval: 0 } }, /backPressure\.refreshInterval is 0/],
    [{ parallism: 2 } as never, /parallism.*parallelism/],
  ])('%o', (options, told) => {
    expect(() => target.start(options)).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringMatching(told) }),
    )
  })

  it('of a restart strategy', () => {
    for (const make of [
      () => restart.fixedDelay({ attempts: 0, delay: 1 }),
      () => restart.fixedDelay({ attempts: 1, delay: -1 }),
      () => restart.exponential({ multiplier: Number.NaN }),
      () => restart.failureRate({ failures: -1, interval: 1, delay: 1 }),
    ]) {
      expect(make).toThrow(
        expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringMatching(/is (0|-1|NaN)|-1 is/) }),
      )
    }
  })

  it('of windows and watermarks', () => {
    for (const make of [() => tumbling(0), () => tumbling('x' as never), () => watermarks.bounded(-1)]) {
      expect(make).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    }
  })

  it('also rejects run', async () => {
    await expect(async () => target.run({ slots: 0 })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })
})

describe('state that ends with the process', () => {
  const counting: Job = job('counting', (env) => {
    env
      .topic('in', json<number>())
      .keyBy((n) => n)
      .reduce((a, b) => a + b)
      .toTopic('out', json())
  })
  const stateless: Job = job('stateless', (env) => {
    env.topic('in', json<number>()).toTopic('out', json())
  })

  /** A log that says of itself that it outlives the process. */
  function durable(): ReturnType<typeof servers> {
    const on = servers({ in: 1, out: 1 })
    const log = {
      ...on.log,
      create: (context: Parameters<typeof on.log.create>[0]) =>
        Object.defineProperty(on.log.create(context), 'durable', { value: true }),
    }
    return { ...on, log }
  }

  it('is refused for a stateful job on a durable log', async () => {
    expect(await failureOf(durable(), counting)).toMatchObject({
      code: 'OPTION_INVALID',
      where: { job: 'counting' },
      message: expect.stringMatching(/memory.*redis\(\{ url \}\).*allowVolatileState/),
    })
  })

  it('is taken when it is asked for, and by jobs without state', async () => {
    await expect(failureOf(durable(), counting, { allowVolatileState: true })).rejects.toThrow('did not fail')
    await expect(failureOf(durable(), stateless)).rejects.toThrow('did not fail')
  })
})
