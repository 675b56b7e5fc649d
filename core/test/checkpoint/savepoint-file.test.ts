import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Collector,
  type Job,
  job,
  json,
  listState,
  mapState,
  memoryLog,
  memoryState,
  operatorListState,
  type RunOptions,
  SavepointFile,
  silentLogger,
  valueState,
  watermarks,
} from '../../src/index.ts'
import { until } from '../contract/log-contract/fixture.ts'

interface Payment {
  readonly card: string
  readonly amount: number
  readonly time: number
}

const declared = { total: valueState({ initial: 0 }), shops: mapState<string, number>(), last: listState<number>() }
const lists = { waiting: operatorListState<number>() }

const balances: Job = job('balances', (env) => {
  const payments = env.topic('payments', json<Payment>(), { time: watermarks.monotonous((p) => p.time) })
  payments
    .keyBy('card')
    .process({
      state: declared,
      onRecord({ card, amount, time }, { state: { total, shops, last }, timers }, out: Collector<string>) {
        total.set(total.get() + amount)
        shops.set(`shop ${amount % 2}`, amount)
        last.set([...last.get(), amount].slice(-2))
        timers.atEventTime(time + 1_000)
        out.emit(`${card}: ${total.get()}`)
      },
      onTimer({ timeMs }, { key, state: { total } }, out: Collector<string>) {
        out.emit(`${key} at ${timeMs}: ${total.get()}`)
      },
    })
    .uid('balances')
    .toTopic('totals', json())
  payments
    .process({
      operatorState: lists,
      onRecord({ amount }, { operatorState: { waiting } }, out: Collector<readonly number[]>) {
        waiting.add(amount)
        out.emit([...waiting.get()])
      },
    })
    .uid('waiting')
    .toTopic('lists', json())
})

interface Cluster extends RunOptions {
  readonly log: ReturnType<typeof memoryLog>
}

function cluster(parallelism: number): Cluster {
  const log = memoryLog()
  for (const topic of ['payments', 'totals', 'lists']) log.storage.createTopic(topic, 2)
  return { log, state: memoryState(), parallelism, epochInterval: 5, sessionTimeout: '2s', logger: silentLogger }
}

function pay({ log }: Cluster, ...payments: readonly Payment[]): void {
  for (const payment of payments) {
    const partition = payment.card === 'a' ? 0 : 1
    log.storage.write('payments', partition, [{ value: Buffer.from(JSON.stringify(payment)), timestamp: payment.time }])
  }
}

function values({ log }: Cluster, topic: string): unknown[] {
  return log.storage.read(topic).map(({ value }) => JSON.parse(String(value)))
}

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-savepoint-'))
  file = join(folder, 'savepoint')
})
afterEach(() => rm(folder, { recursive: true }))

const payment = (card: string, amount: number, time: number): Payment => ({ card, amount, time })
const before = [payment('a', 5, 100), payment('b', 8, 100), payment('a', 2, 200)]

async function taken(): Promise<SavepointFile> {
  const on = cluster(2)
  pay(on, ...before)
  const handle = balances.start(on)
  await until('all is counted', () => values(on, 'totals').length === 3 && values(on, 'lists').length === 3)
  await handle.stopWithSavepoint(file)
  return SavepointFile.open(file)
}

async function goOn(on: Cluster, more: readonly Payment[], expected: number): Promise<unknown[]> {
  pay(on, ...before)
  await balances.restoreSavepoint(file, on)
  pay(on, ...more)
  const handle = balances.start(on)
  await until('the rest is counted', () => values(on, 'totals').length >= expected)
  await handle.stop()
  return values(on, 'totals')
}

describe('a savepoint in a file', () => {
  it('shows the state and the timers of every key, the lists of tasks and the positions', async () => {
    const savepoint = await taken()
    expect(savepoint.job).toBe('balances')
    expect(savepoint.operators.toSorted()).toEqual(['balances', 'waiting'])
    expect(savepoint.states.map(({ state }) => state)).toContain('balances/shops')
    const keys = [...savepoint.keys('balances', declared)].map(({ key, state: { total, shops, last } }) => [
      key,
      total.get(),
      Object.fromEntries(shops.entries()),
      [...last.get()],
    ])
    expect(keys.toSorted()).toEqual([
      ['a', 7, { 'shop 1': 5, 'shop 0': 2 }, [5, 2]],
      ['b', 8, { 'shop 0': 8 }, [8]],
    ])
    const timers = savepoint.timers('balances')
    expect(timers.map(({ key, timeMs, domain }) => `${key} ${timeMs} ${domain}`).toSorted()).toEqual([
      'a 1100 event',
      'a 1200 event',
      'b 1100 event',
    ])
    expect(timers.map(({ timeMs }) => timeMs)).toEqual([1_100, 1_100, 1_200])
    expect(savepoint.operatorState('waiting', lists).waiting.get().toSorted()).toEqual([2, 5, 8])
    expect(savepoint.positions.toSorted((a, b) => a.partition - b.partition)).toEqual([
      { topic: 'payments', partition: 0, offset: 2 },
      { topic: 'payments', partition: 1, offset: 1 },
    ])
    expect(savepoint.inFlight).toBe(0)
  })

  it('can be corrected, and a job goes on from what it says then', async () => {
    const savepoint = await taken()
    savepoint.change('balances', declared, 'a', ({ state: { total, shops, last }, timers }) => {
      total.set(1_000)
      shops.delete('shop 1')
      last.clear()
      timers.deleteEventTime(1_100)
      timers.deleteEventTime(1_200)
      timers.atEventTime(300)
    })
    savepoint.delete('balances', 'b')
    savepoint.operatorState('waiting', lists, ({ waiting }) => waiting.set([42]))
    await savepoint.write(file)

    const on = cluster(1)
    const rows = await goOn(on, [payment('a', 1, 400), payment('b', 1, 400)], 3)
    expect(rows.toSorted()).toEqual(['a at 300: 1001', 'a: 1001', 'b: 1'].toSorted())
    expect(values(on, 'lists')[0]).toEqual([42, 1])
  })

  it('can change all keys at once, and where reading goes on', async () => {
    const savepoint = await taken()
    savepoint.changeAll('balances', { total: declared.total }, ({ state: { total } }) => total.set(total.get() * 10))
    savepoint.setPosition('payments', 1, 0)
    await savepoint.write(file)
    const rows = await goOn(cluster(2), [], 1)
    expect(rows).toEqual(['b: 88'])
  })

  it('can be made from other data', async () => {
    const savepoint = SavepointFile.create('balances')
    for (const [card, total] of Object.entries({ a: 70, b: 80 })) {
      savepoint.change('balances', declared, card, ({ state }) => state.total.set(total))
    }
    savepoint.operatorState('waiting', lists, ({ waiting }) => waiting.set([1, 2]))
    for (const partition of [0, 1]) savepoint.setPosition('payments', partition, 0)
    await savepoint.write(file)
    const rows = await goOn(cluster(2), [], 3)
    expect(rows.toSorted()).toEqual(['a: 75', 'a: 77', 'b: 88'])
  })

  it('says what it holds when it is asked for something else', async () => {
    const savepoint = await taken()
    expect(() => [...savepoint.keys('balance', declared)]).toThrow(
      /no state 'balance\/total'; it holds balances\/total, balances\/shops, balances\/last/,
    )
    expect(() => [...savepoint.keys('balances', { total: listState() })]).toThrow(
      /balances\/total was a value state and is declared as a list state/,
    )
    await expect(SavepointFile.open(join(folder, 'nothing'))).rejects.toThrow(/ENOENT/)
  })
})
