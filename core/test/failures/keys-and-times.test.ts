import { describe, expect, it } from 'vitest'
import { type Collector, job, json, type StreamError, valueState, watermarks } from '../../src/index.ts'
import { testHarness } from '../../src/testing/index.ts'

class Money {
  readonly amount = 1
}

const invalidKeys: [string, () => unknown, string][] = [
  ['undefined', () => undefined, 'undefined'],
  ['null', () => null, 'null'],
  ['NaN', () => Number.NaN, 'NaN'],
  ['a function', () => () => 1, 'function'],
  ['a symbol', () => Symbol('s'), 'symbol'],
  ['an instance of a class', () => new Money(), 'Money'],
  ['a Map', () => new Map(), 'Map'],
  ['an invalid Date', () => new Date(Number.NaN), 'invalid Date'],
  ['an object with an undefined property', () => ({ a: undefined }), 'key.a'],
  ['an array with a null', () => [1, null], 'key[1]'],
]

async function failure(key: () => unknown, parallelism: number): Promise<StreamError> {
  const target = job('keys', (env) => {
    env
      .topic('in', json<number>())
      .keyBy((n) => (n === 2 ? key() : n))
      .process({ onRecord: (n, _, out: Collector<number>) => out.emit(n) })
      .uid('op')
      .toTopic('out', json())
  })
  const t = await testHarness(target, { run: { parallelism } })
  t.topic<number>('in').send(1)
  t.topic<number>('in').send(2)
  return t.settle().then(
    () => Promise.reject(new Error('The job did not fail.')),
    (error: StreamError) => error,
  )
}

describe('a key that cannot be one', () => {
  it.each(invalidKeys)(
    '%s: is KEY_INVALID with operator and record, at once or behind an exchange',
    async (_, key, told) => {
      for (const parallelism of [1, 2]) {
        const error = await failure(key, parallelism)
        expect(error).toMatchObject({
          code: 'KEY_INVALID',
          where: { job: 'keys', operator: 'op', topic: 'in', partition: 0, offset: 1 },
        })
        expect(error.message).toContain(told)
      }
    },
  )

  it('thrown by the selector is USER_FUNCTION_FAILED, at once or behind an exchange', async () => {
    const cause = new Error('no customer')
    for (const parallelism of [1, 2]) {
      const thrown = (): never => {
        throw cause
      }
      expect(await failure(thrown, parallelism)).toMatchObject({
        code: 'USER_FUNCTION_FAILED',
        cause,
        where: { operator: 'op', topic: 'in', partition: 0, offset: 1 },
      })
    }
  })

  it('that are objects with equal contents are one key, whatever the order of their properties', async () => {
    const target = job('keys', (env) => {
      env
        .topic('in', json<number>())
        .keyBy((n) => (n % 2 === 0 ? { a: 1, b: [2] } : { b: [2], a: 1 }))
        .process({
          state: { n: valueState({ initial: 0 }) },
          onRecord(_n, { state }, out: Collector<number>) {
            state.n.set(state.n.get() + 1)
            out.emit(state.n.get())
          },
        })
        .toTopic('out', json())
    })
    for (const parallelism of [1, 2]) {
      const t = await testHarness(target, { run: { parallelism } })
      for (const n of [1, 2, 3, 4]) t.topic<number>('in').send(n)
      await t.advanceBy(200)
      expect(t.topic('out').values()).toEqual([1, 2, 3, 4])
      await t.stop()
    }
  })
})

describe('a timestamp that is not one', () => {
  it.each([
    ['NaN', Number.NaN, 'NaN'],
    ['infinite', Number.POSITIVE_INFINITY, 'Infinity'],
    ['undefined', undefined, 'undefined'],
    ['text', '2026-01-01', '2026-01-01'],
    ['an invalid Date', new Date(Number.NaN), 'invalid Date'],
  ])('%s: is TIMESTAMP_INVALID with source and record', async (_, given, told) => {
    const target = job('times', (env) => {
      env
        .topic('in', json<number>(), { time: watermarks.bounded(0, (n) => (n === 2 ? (given as number) : n)) })
        .uid('src')
        .toTopic('out', json())
    })
    const t = await testHarness(target)
    t.topic<number>('in').send(1)
    t.topic<number>('in').send(2)
    await expect(t.settle()).rejects.toMatchObject({
      code: 'TIMESTAMP_INVALID',
      where: { job: 'times', operator: 'src', topic: 'in', partition: 0, offset: 1 },
      message: expect.stringContaining(told),
    })
  })

  it('from a source that is not a topic: names the source', async () => {
    const target = job('times', (env) => {
      env
        .from([1, 2], { time: watermarks.bounded(0, () => Number.NaN) })
        .uid('src')
        .collect([])
    })
    const t = await testHarness(target).catch((error: unknown) => error)
    const error = t instanceof Error ? t : await (t as { settle(): Promise<void> }).settle().catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'TIMESTAMP_INVALID', where: { job: 'times', operator: 'src' } })
  })

  it('for a timer is refused with the operator', async () => {
    const target = job('times', (env) => {
      env
        .topic('in', json<number>())
        .keyBy((n) => n)
        .process({
          onRecord: (_n, { timers }, _: Collector<number>) => timers.atEventTime(Number.NaN),
          onTimer() {},
        })
        .uid('op')
        .toTopic('out', json())
    })
    const t = await testHarness(target)
    t.topic<number>('in').send(1)
    await expect(t.settle()).rejects.toMatchObject({
      code: 'TIMESTAMP_INVALID',
      where: { operator: 'op', topic: 'in', offset: 0 },
    })
  })
})
