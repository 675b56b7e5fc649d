import { describe, expect, it } from 'vitest'
import { type Collector, json, listState, mapState, type StateHandles, tumbling, valueState } from '../../src/index.ts'
import { type TestHarness, testHarness } from '../../src/testing/index.ts'
import { boom, failureOf, type Order, orders } from './orders.ts'

const throwing = (): never => {
  throw boom
}

/** The failure of a job that may fail while the harness starts it. */
async function failureOfStart(started: Promise<TestHarness>): Promise<unknown> {
  return started.then(failureOf, (error: unknown) => error)
}

describe('a function that throws when it is opened or closed', () => {
  it.each([
    ['throws', throwing],
    ['rejects', () => Promise.reject(boom)],
  ])('opening %s: the operator is named', async (_, open) => {
    for (const keyed of [false, true]) {
      const target = orders((s) => {
        const processFunction = { open, onRecord: (o: Order, _c: unknown, out: Collector<Order>) => out.emit(o) }
        const stream = keyed ? s.keyBy((o) => o.id).process(processFunction) : s.process(processFunction)
        stream.uid('op').toTopic('out', json())
      })
      const error = await failureOfStart(testHarness(target))
      expect(error).toMatchObject({
        code: 'USER_FUNCTION_FAILED',
        cause: boom,
        where: { job: 'orders', operator: 'op' },
      })
      expect((error as Error).message).toContain('open threw TypeError: no such price')
    }
  })

  it('closing: is logged with the operator, the others are closed too, and what was done stays', async () => {
    const warnings: string[] = []
    let closed = 0
    const logger = {
      debug() {},
      info() {},
      warn: (fields: object) => void warnings.push(JSON.stringify(fields)),
      error() {},
    }
    const onRecord = (o: Order, _: unknown, out: Collector<Order>): void => out.emit(o)
    const target = orders((s) =>
      s
        .process({ onRecord, close: () => void closed++ })
        .process({ onRecord, close: throwing })
        .uid('op')
        .process({ onRecord, close: () => void closed++ })
        .toTopic('out', json()),
    )
    const t = await testHarness(target, { run: { logger } })
    t.topic<Order>('in').send({ id: 'a', time: 1 })
    await t.settle()
    expect(await t.stop()).toMatchObject({ outcome: 'stopped' })
    expect(t.topic('out').values()).toHaveLength(1)
    expect(closed).toBe(2)
    expect(warnings.join()).toMatch(/close threw TypeError: no such price.*operator op/)
  })
})

describe('a value that cannot be stored', () => {
  const unstorable = (() => 1) as never
  it.each<[string, (state: StateHandles<Declared>) => void]>([
    ['value', (state) => state.value.set(unstorable)],
    ['list', (state) => state.list.add(unstorable)],
    ['map', (state) => state.map.set('k', unstorable)],
  ])('in a %s state is ENCODE_FAILED with operator and state', async (name, write) => {
    const target = orders((s) =>
      s
        .keyBy((o) => o.id)
        .process({
          state: declared,
          onRecord(o, { state }, out: Collector<Order>) {
            write(state)
            out.emit(o)
          },
        })
        .uid('op')
        .toTopic('out', json()),
    )
    const t = await testHarness(target)
    t.topic<Order>('in').send({ id: 'a', time: 1 })
    const error = await failureOf(t)
    expect(error).toMatchObject({ code: 'ENCODE_FAILED', where: { job: 'orders', operator: 'op' } })
    expect(error.message).toMatch(new RegExp(`State op/${name} of key 'a' cannot be written as json@1`))
    expect(t.topic('out').values()).toEqual([])
  })

  it('in a window is ENCODE_FAILED with the operator', async () => {
    const target = orders((s) =>
      s
        .keyBy((o) => o.id)
        .window(tumbling('1s'))
        .aggregate({ create: () => 0, add: () => unstorable, result: (n: number) => n, serde: json<number>() })
        .uid('op')
        .toTopic('out', json()),
    )
    const t = await testHarness(target)
    t.topic<Order>('in').send({ id: 'a', time: 1 })
    expect(await failureOf(t)).toMatchObject({ code: 'ENCODE_FAILED', where: { job: 'orders', operator: 'op' } })
  })
})

const declared = {
  value: valueState<number>({ serde: json<number>() }),
  list: listState<number>({ serde: json<number>() }),
  map: mapState<string, number>({ serde: json<number>() }),
}
type Declared = typeof declared
