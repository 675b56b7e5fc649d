import { describe, expect, it } from 'vitest'
import {
  type Collector,
  type DataStream,
  type Environment,
  type Job,
  job,
  json,
  restart,
  StreamError,
  tumbling,
  valueState,
  watermarks,
} from '../../src/index.ts'
import { type HarnessOptions, type TestHarness, testHarness } from '../../src/testing/index.ts'

interface Order {
  readonly id: string
  readonly time: number
}

const boom = new TypeError('no such price')
const throwing = (): never => {
  throw boom
}

/** Throws for the third record only, and only as often as it is told to. */
function failingAt(id: string, times: number): { check(order: Order): void } {
  let left = times
  return {
    check(order) {
      if (order.id !== id || left === 0) return
      left--
      throw boom
    },
  }
}

async function failureOf(t: TestHarness): Promise<StreamError> {
  for (let n = 0; n < 5; n++) {
    try {
      await t.settle()
    } catch (error) {
      expect(StreamError.is(error)).toBe(true)
      return error as StreamError
    }
  }
  throw new Error('The job did not fail.')
}

type Build = (orders: DataStream<Order>, env: Environment) => void

function orders(build: Build, timestamp = (order: Order): number => order.time): Job {
  return job('orders', (env) => {
    build(env.topic('in', json<Order>(), { time: watermarks.bounded(0, timestamp) }), env)
  })
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

describe('a transient fault', () => {
  const transient: [string, (check: (o: Order) => void, s: DataStream<Order>) => void][] = [
    ['map', (check, s) => s.map((o) => (check(o), o)).toTopic('out', json())],
    [
      'keyed process',
      (check, s) =>
        s
          .keyBy(() => 'all')
          .process({
            state: { n: valueState({ initial: 0 }) },
            onRecord(o, { state }, out: Collector<string>) {
              state.n.set(state.n.get() + 1)
              out.emit(`${o.id}${state.n.get()}`)
              check(o)
            },
          })
          .toTopic('out', json()),
    ],
    ["sink's key", (check, s) => s.toTopic('out', json(), { key: (o) => (check(o), o.id) })],
  ]
  it.each(transient)('in %s: the task starts again and the output is exactly once', async (name, build) => {
    const fault = failingAt('c', 2)
    const events: string[] = []
    const t = await testHarness(
      orders((s) => build((o) => fault.check(o), s)),
      {
        run: {
          restart: restart.fixedDelay({ attempts: 3, delay: 50 }),
          onEvent: (event) => events.push(event.kind),
        },
      },
    )
    const input = t.topic<Order>('in')
    for (const id of 'ab') input.send({ id, time: 1 })
    await t.settle()
    for (const id of 'cd') input.send({ id, time: 1 })
    await t.advanceBy(1000)
    const values = t.topic<unknown>('out').values()
    if (name === 'keyed process') expect(values).toEqual(['a1', 'b2', 'c3', 'd4'])
    else expect(values).toEqual([...'abcd'].map((id) => ({ id, time: 1 })))
    expect(events.filter((kind) => kind === 'task-failed')).toHaveLength(2)
    const result = await t.stop()
    expect(result).toMatchObject({ outcome: 'stopped', restarts: 2 })
  })

  it('is told by health, status and event while the task waits, with the pause', async () => {
    const fault = failingAt('c', 1)
    const events: unknown[] = []
    const t = await testHarness(
      orders((s) =>
        s
          .map((o) => (fault.check(o), o))
          .uid('op')
          .toTopic('out', json()),
      ),
      { run: { restart: restart.fixedDelay({ attempts: 1, delay: 500 }), onEvent: (event) => events.push(event) } },
    )
    t.topic<Order>('in').send({ id: 'c', time: 1 })
    await t.settle()
    expect(t.handle.health()).toMatchObject({ live: true, ready: false, state: 'restarting' })
    expect(t.handle.health().reason).toContain('no such price')
    expect(events).toContainEqual({
      kind: 'task-failed',
      task: expect.any(String),
      code: 'USER_FUNCTION_FAILED',
      message: expect.stringContaining('operator op'),
      restartInMs: 500,
    })
    await t.advanceBy(600)
    expect(t.handle.health()).toMatchObject({ live: true, ready: true, state: 'running', reason: null })
    await t.stop()
  })

  it('that does not pass fails the job once the strategy gives up', async () => {
    const fault = failingAt('c', 100)
    const t = await testHarness(
      orders((s) => s.map((o) => (fault.check(o), o)).toTopic('out', json())),
      { run: { restart: restart.fixedDelay({ attempts: 2, delay: 5 }) } },
    )
    t.topic<Order>('in').send({ id: 'c', time: 1 })
    expect(await failureOf(t)).toMatchObject({ code: 'USER_FUNCTION_FAILED', cause: boom, where: { offset: 0 } })
  })
})

describe('the totals of a job', () => {
  it('count what each attempt of a task did once, however often it started again', async () => {
    const fault = failingAt('c', 2)
    const t = await testHarness(
      orders((s) => s.map((o) => (fault.check(o), o)).toTopic('out', json())),
      { run: { restart: restart.fixedDelay({ attempts: 3, delay: 50 }) } },
    )
    const input = t.topic<Order>('in')
    for (const id of ['a', 'b']) {
      input.send({ id, time: 1 })
      await t.settle()
    }
    input.send({ id: 'c', time: 1 })
    await t.advanceBy(1000)
    input.send({ id: 'd', time: 1 })
    await t.settle()
    const { totals } = t.handle.status().workers[0] ?? {}
    expect(totals).toMatchObject({ recordsIn: 4, recordsOut: 4 })
    expect(await t.stop()).toMatchObject({ recordsIn: 4, recordsOut: 4, restarts: 2 })
  })
})
