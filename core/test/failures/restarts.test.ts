import { describe, expect, it } from 'vitest'
import { type Collector, type DataStream, job, json, restart, valueState } from '../../src/index.ts'
import { SimulatedCluster, testHarness } from '../../src/testing/index.ts'
import { boom, failingAt, failureOf, type Order, orders } from './orders.ts'

describe('a transient fault', () => {
  const transient: [string, (check: (o: Order) => Order, s: DataStream<Order>) => void][] = [
    ['map', (check, s) => s.map((o) => check(o)).toTopic('out', json())],
    [
      'keyed process',
      (check, s) =>
        s
          .keyBy(() => 'all')
          .process({
            state: { n: valueState({ initial: 0 }) },
            onRecord(o, { state }, out: Collector<string>) {
              state.n.set(state.n.get() + 1)
              out.emit(`${check(o).id}${state.n.get()}`)
            },
          })
          .toTopic('out', json()),
    ],
    ["sink's key", (check, s) => s.toTopic('out', json(), { key: (o) => check(o).id })],
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
          .map((o) => fault.check(o))
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
      orders((s) => s.map((o) => fault.check(o)).toTopic('out', json())),
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
      orders((s) => s.map((o) => fault.check(o)).toTopic('out', json())),
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

  it('count a record once when tasks move to another worker, whatever their commits are at', async () => {
    const counting = job('counting', (env) => {
      env
        .topic('in', json<number>(), { bounded: true })
        .keyBy((n) => n % 5)
        .process({
          state: { seen: valueState({ initial: 0 }) },
          onRecord(_n, { state }, out: Collector<number>) {
            state.seen.set(state.seen.get() + 1)
            out.emit(state.seen.get())
          },
        })
        .toTopic('out', json())
    })
    const counted: number[] = []
    for (let seed = 0; seed < 60; seed++) {
      const cluster = new SimulatedCluster(counting, {
        seed,
        run: { parallelism: 2, epochInterval: 5, allowVolatileState: true },
      })
      for (const topic of ['in', 'out']) cluster.log.storage.createTopic(topic, 2)
      for (let n = 0; n < 80; n++)
        cluster.log.storage.write('in', n % 2, [{ value: Buffer.from(String(n)), timestamp: n }])
      const first = cluster.startWorker('first')
      const joinAt = cluster.clock.now() + seed * 2
      await cluster.runUntil(() => cluster.clock.now() >= joinAt, 1_000)
      const second = cluster.startWorker('second')
      await cluster.runUntil(() => cluster.isFinished, 60_000)
      const totals = [first, second].flatMap(({ handle }) => handle.status().workers.map((worker) => worker.totals))
      counted.push(totals.reduce((sum, { recordsOut }) => sum + recordsOut, 0))
    }
    expect(counted).toEqual(new Array(60).fill(80))
  })
})
