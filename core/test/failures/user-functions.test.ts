import { describe, expect, it } from 'vitest'
import { type Collector, type Job, job, json, StreamError, tumbling } from '../../src/index.ts'
import { type HarnessOptions, type TestHarness, testHarness } from '../../src/testing/index.ts'
import { type Build, boom, failureOf, type Order, orders } from './orders.ts'

const throwing = (): never => {
  throw boom
}

async function failing(target: Job, options: HarnessOptions = {}): Promise<StreamError> {
  const t = await testHarness(target, options)
  const input = t.topic<Order>('in')
  input.send({ id: 'a', time: 10 })
  input.send({ id: 'b', time: 20 })
  await t.settle()
  input.send({ id: 'c', time: 30 })
  input.send({ id: 'd', time: 5000 })
  return failureOf(t)
}

const third = { topic: 'in', partition: 0, offset: 2 }

const isThird = (order: Order): boolean => order.id === 'c'

describe('a function of the job that throws', () => {
  const cases: [string, Build, string, object][] = [
    [
      'map',
      (s) =>
        s
          .map((o) => (isThird(o) ? throwing() : o))
          .uid('op')
          .toTopic('out', json()),
      'op',
      third,
    ],
    [
      'filter',
      (s) =>
        s
          .filter((o) => !isThird(o) || throwing())
          .uid('op')
          .toTopic('out', json()),
      'op',
      third,
    ],
    [
      'flatMap',
      (s) =>
        s
          .flatMap((o) => (isThird(o) ? throwing() : [o]))
          .uid('op')
          .toTopic('out', json()),
      'op',
      third,
    ],
    [
      'the iterator of flatMap',
      (s) =>
        s
          .flatMap(function* (o): Generator<Order> {
            yield o
            if (isThird(o)) throwing()
          })
          .uid('op')
          .toTopic('out', json()),
      'op',
      third,
    ],
    [
      'process',
      (s) =>
        s
          .process({ onRecord: (o, _, out: Collector<Order>) => (isThird(o) ? throwing() : out.emit(o)) })
          .uid('op')
          .toTopic('out', json()),
      'op',
      third,
    ],
    [
      'a key selector',
      (s) =>
        s
          .keyBy((o) => (isThird(o) ? throwing() : o.id))
          .reduce((_, o) => o)
          .uid('op')
          .toTopic('out', json()),
      'op',
      third,
    ],
    [
      'a keyed process',
      (s) =>
        s
          .keyBy((o) => o.id)
          .process({ onRecord: (o, _, out: Collector<Order>) => (isThird(o) ? throwing() : out.emit(o)) })
          .uid('op')
          .toTopic('out', json()),
      'op',
      third,
    ],
    [
      'onTimer',
      (s) =>
        s
          .keyBy((o) => o.id)
          .process({
            onRecord: (o, { timers }, _: Collector<Order>) => timers.atEventTime(o.time + 1000),
            onTimer: throwing,
          })
          .uid('op')
          .toTopic('out', json()),
      'op',
      {},
    ],
    [
      'reduce',
      (s) =>
        s
          .keyBy(() => 'all')
          .reduce((_, o) => (isThird(o) ? throwing() : o))
          .uid('op')
          .toTopic('out', json()),
      'op',
      third,
    ],
    [
      "a window's add",
      (s) =>
        s
          .keyBy((o) => o.id)
          .window(tumbling(100))
          .aggregate({ create: () => 0, add: (n, o) => (isThird(o) ? throwing() : n + 1), result: (n) => n })
          .uid('op')
          .toTopic('out', json()),
      'op',
      third,
    ],
    [
      "a window's result",
      (s) =>
        s
          .keyBy((o) => o.id)
          .window(tumbling(100))
          .aggregate({ create: () => 0, add: (n) => n + 1, result: throwing })
          .uid('op')
          .toTopic('out', json()),
      'op',
      {},
    ],
    [
      "a sink's key",
      (s) => s.toTopic('out', json(), { key: (o) => (isThird(o) ? throwing() : o.id) }).uid('op'),
      'op',
      third,
    ],
    [
      "a sink's headers",
      (s) => s.toTopic('out', json(), { headers: (o) => (isThird(o) ? throwing() : {}) }).uid('op'),
      'op',
      third,
    ],
    [
      "a sink's partitioner",
      (s) => s.toTopic('out', json(), { partition: (o) => (isThird(o) ? throwing() : 0) }).uid('op'),
      'op',
      third,
    ],
  ]
  it.each(cases)('%s: is named with operator, record and cause', async (_, build, operator, record) => {
    const error = await failing(orders(build))
    expect(error).toMatchObject({ code: 'USER_FUNCTION_FAILED', cause: boom })
    expect(error.where).toMatchObject({ job: 'orders', operator, ...record })
    expect(error.message).toContain('no such price')
    expect(error.message).toContain('operator op')
    if ('offset' in record) expect(error.message).toContain('topic in partition 0 offset 2')
  })

  it('a timestamp function: is named with the source and the record', async () => {
    const target = orders(
      (s) => s.toTopic('out', json()),
      (o) => (isThird(o) ? throwing() : o.time),
    )
    const error = await failing(target)
    expect(error).toMatchObject({ code: 'USER_FUNCTION_FAILED', cause: boom })
    expect(error.where).toMatchObject({ job: 'orders', ...third })
    expect(error.where.operator).toMatch(/^topic-source/)
    expect(error.message).toContain('timestamp')
  })

  it('a serializer: names the sink, its topic and what could not be written', async () => {
    const cyclic: Record<string, unknown> = {}
    cyclic.self = cyclic
    const error = await failing(
      orders((s) =>
        s
          .map((o) => (isThird(o) ? cyclic : o))
          .toTopic('out', json())
          .uid('op'),
      ),
    )
    expect(error).toMatchObject({ code: 'ENCODE_FAILED' })
    expect(error.cause).toBeInstanceOf(TypeError)
    expect(error.where).toMatchObject({ job: 'orders', operator: 'op' })
    expect(error.message).toContain('topic in partition 0 offset 2')
    expect(error.message).toContain('out')
  })

  it('a custom sink and a custom source: SINK_FAILED and SOURCE_FAILED with the cause', async () => {
    const sink = orders((s) =>
      s
        .to({
          name: 'broken',
          open: async () => ({
            write: (o: Order) => (isThird(o) ? throwing() : undefined),
            flush: async () => {},
            close: async () => {},
          }),
        } as never)
        .uid('op'),
    )
    expect(await failing(sink)).toMatchObject({ code: 'SINK_FAILED', cause: boom, where: { operator: 'op', ...third } })
    const source = job('sourced', (env) => {
      env
        .from(() => ({
          [Symbol.iterator]: () => ({ next: throwing }),
        }))
        .uid('op')
        .collect([])
    })
    const t = await testHarness(source).catch((error: unknown) => error)
    const error = StreamError.is(t) ? t : await failureOf(t as TestHarness)
    expect(error).toMatchObject({ code: 'SOURCE_FAILED', cause: boom, where: { operator: 'op' } })
  })

  it('keeps what is committed and loses no record when the job is corrected and started again', async () => {
    const t = await testHarness(orders((s) => s.map((o) => (isThird(o) ? throwing() : o)).toTopic('out', json())))
    t.topic<Order>('in').send({ id: 'a', time: 1 })
    await t.settle()
    t.topic<Order>('in').send({ id: 'c', time: 2 })
    await failureOf(t)
    expect(t.topic<Order>('out').values()).toEqual([{ id: 'a', time: 1 }])
    expect(t.handle.health()).toMatchObject({ live: false, ready: false, state: 'failed' })
    expect(t.handle.health().reason).toContain('no such price')
  })

  it('throws something that is not an Error: the text of it is told', async () => {
    const error = await failing(
      orders((s) =>
        s
          .map((o) => {
            if (isThird(o)) throw 'just text'
            return o
          })
          .toTopic('out', json()),
      ),
    )
    expect(error).toMatchObject({ code: 'USER_FUNCTION_FAILED', cause: 'just text', where: third })
    expect(error.message).toContain('just text')
  })

  it('is found behind an exchange too, with the record that came through it', async () => {
    const error = await failing(
      orders((s) =>
        s
          .keyBy((o) => o.id)
          .process({ onRecord: (o, _, out: Collector<Order>) => (isThird(o) ? throwing() : out.emit(o)) })
          .uid('op')
          .toTopic('out', json()),
      ),
      { run: { parallelism: 2 } },
    )
    expect(error).toMatchObject({ code: 'USER_FUNCTION_FAILED', cause: boom })
    expect(error.where).toMatchObject({ operator: 'op', topic: expect.stringContaining('orders.') })
    expect(error.where.offset).toBeTypeOf('number')
  })
})
