import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  type Collector,
  type DataStream,
  job,
  json,
  mapState,
  memoryLog,
  type OpenContext,
  operatorListState,
  StreamError,
  tumbling,
  valueState,
  watermarks,
} from '../../src/index.ts'
import { testHarness } from '../../src/testing/index.ts'

interface Placed {
  readonly n: number
  readonly task: number
}

const COUNT = 60

/** Where numbers are processed that all come from one task. */
async function placesOf(
  spread: (numbers: DataStream<number>) => DataStream<number>,
  parallelism = 3,
): Promise<Placed[]> {
  const seen: Placed[] = []
  await job('spread', (env) => {
    spread(env.from(Array.from({ length: COUNT }, (_, n) => n)))
      .process({ onRecord: (n, { index }, out: Collector<Placed>) => out.emit({ n, task: index }) })
      .collect(seen)
  }).run({ parallelism, log: memoryLog() })
  return seen.toSorted((a, b) => a.n - b.n || a.task - b.task)
}

function countsByTask(places: readonly Placed[]): number[] {
  const counts = [0, 0, 0]
  for (const { task } of places) counts[task] = (counts[task] as number) + 1
  return counts
}

const numbers = Array.from({ length: COUNT }, (_, n) => n)

describe('records go', () => {
  it('in turn to all tasks when they are rebalanced', async () => {
    const places = await placesOf((stream) => stream.rebalance())
    expect(places.map(({ n }) => n)).toEqual(numbers)
    expect(countsByTask(places)).toEqual([20, 20, 20])
  })

  it('to any task when they are shuffled, to each of them some', async () => {
    const places = await placesOf((stream) => stream.shuffle())
    expect(places.map(({ n }) => n)).toEqual(numbers)
    expect(Math.min(...countsByTask(places))).toBeGreaterThan(0)
  })

  it('to the first task when the stream is global', async () => {
    expect(countsByTask(await placesOf((stream) => stream.map((n) => n).global()))).toEqual([COUNT, 0, 0])
  })

  it('to the task that a function names', async () => {
    const places = await placesOf((stream) => stream.partitionBy((n, tasks) => (n * 7) % tasks))
    expect(places).toEqual(numbers.map((n) => ({ n, task: (n * 7) % 3 })))
  })

  it('to every task when they are broadcast', async () => {
    const places = await placesOf((stream) => stream.broadcast())
    expect(places).toEqual(numbers.flatMap((n) => [0, 1, 2].map((task) => ({ n, task }))))
  })

  it('nowhere else when they are rescaled, nor with one task', async () => {
    expect(countsByTask(await placesOf((stream) => stream.rescale()))).toEqual([COUNT, 0, 0])
    for (const spread of ['rebalance', 'shuffle', 'global', 'rescale'] as const) {
      expect(countsByTask(await placesOf((stream) => stream[spread](), 1))).toEqual([COUNT, 0, 0])
    }
    expect(countsByTask(await placesOf((stream) => stream.broadcast(), 1))).toEqual([COUNT, 0, 0])
  })

  it('into a sink behind it as well', async () => {
    const seen: number[] = []
    await job('sunk', (env) => {
      env.from(numbers).rebalance().collect(seen)
    }).run({ parallelism: 2, log: memoryLog() })
    expect(seen.toSorted((a, b) => a - b)).toEqual(numbers)
  })

  it('with their event time, so that windows behind hold the same', async () => {
    const windows = async (parallelism: number): Promise<string[]> => {
      const seen: string[] = []
      await job('timed', (env) => {
        env
          .generate({ make: (n: number) => n, count: 10_000 }, { time: watermarks.monotonous((n: number) => n) })
          .rebalance()
          .map((n) => n * 2)
          .shuffle()
          .keyBy((n) => n % 3)
          .window(tumbling(1_000))
          .aggregate(
            { create: () => 0, add: (sum, n) => sum + n, result: (sum) => sum },
            (sum, { key, window }) => `${key} ${window.start} ${sum}`,
          )
          .collect(seen)
      }).run({ parallelism, log: memoryLog() })
      return seen.toSorted()
    }
    const expected = await windows(1)
    expect(expected).toHaveLength(30)
    for (const parallelism of [2, 4]) expect(await windows(parallelism)).toEqual(expected)
  })

  it('not to a task that does not exist', async () => {
    const failed = placesOf((stream) => stream.partitionBy(() => 3).uid('mine'))
    await expect(failed).rejects.toThrow(/partitioner gave 3; it must give a whole number from 0 to 2/)
    await expect(failed).rejects.toSatisfy((error) => StreamError.is(error) && error.where.operator === 'mine')
  })
})

interface Trade {
  readonly account: string
  readonly symbol: string
  readonly amount: number
}

const trades: readonly Trade[] = [
  { account: 'a', symbol: 'x', amount: 3 },
  { account: 'b', symbol: 'y', amount: 5 },
  { account: 'a', symbol: 'y', amount: 1 },
  { account: 'a', symbol: 'z', amount: 2 },
]

async function running<T>(build: (trades: DataStream<Trade>) => DataStream<T>): Promise<T[]> {
  const seen: T[] = []
  await job('running', (env) => build(env.from(trades)).collect(seen)).run({ log: memoryLog() })
  return seen
}

describe('a stream keyed by a field', () => {
  it('has the type of the field as key', () => {
    job('types', (env) => {
      const keyed = env.from(trades).keyBy('account')
      keyed.process({
        onRecord(_trade, { key }) {
          expectTypeOf(key).toEqualTypeOf<string>()
        },
      })
      // @ts-expect-error: no such field
      env.from(trades).keyBy('colour')
      // @ts-expect-error: not a number
      keyed.sum('symbol')
    })
  })

  it('gives running sums, least and greatest values and their records', async () => {
    const fieldOf = (list: readonly Trade[]): unknown[] =>
      list.filter(({ account }) => account === 'a').map(({ symbol, amount }) => symbol + amount)
    expect(fieldOf(await running((stream) => stream.keyBy('account').sum('amount')))).toEqual(['x3', 'y4', 'z6'])
    expect(fieldOf(await running((stream) => stream.keyBy('account').min('amount')))).toEqual(['x3', 'y1', 'z1'])
    expect(fieldOf(await running((stream) => stream.keyBy('account').max('amount')))).toEqual(['x3', 'y3', 'z3'])
    expect(fieldOf(await running((stream) => stream.keyBy('account').minBy('amount')))).toEqual(['x3', 'y1', 'y1'])
    expect(fieldOf(await running((stream) => stream.keyBy('account').maxBy('symbol')))).toEqual(['x3', 'y1', 'z2'])
  })

  it('keeps chosen fields only', async () => {
    const projected = await running((stream) => {
      const fields = stream.project('symbol', 'amount')
      expectTypeOf(fields).toEqualTypeOf<DataStream<Pick<Trade, 'symbol' | 'amount'>>>()
      return fields
    })
    expect(projected[0]).toEqual({ symbol: 'x', amount: 3 })
  })
})

interface Rule {
  readonly id: string
  readonly above: number
}

const rulesJob = job('rules', (env) => {
  const rules = env.topic('rules', json<Rule>()).broadcast({ state: { rules: mapState<string, Rule>() } })
  env
    .topic('trades', json<Trade>(), { time: watermarks.monotonous((trade) => trade.amount) })
    .keyBy('account')
    .connect(rules)
    .process({
      state: { hits: valueState({ initial: 0 }) },
      onRecord(trade, { broadcast, state, key }, out: Collector<string>) {
        expectTypeOf(broadcast.rules).not.toHaveProperty('set')
        for (const rule of broadcast.rules.values()) {
          if (trade.amount <= rule.above) continue
          state.hits.set(state.hits.get() + 1)
          out.emit(`${key} broke ${rule.id}, ${state.hits.get()} in all`)
        }
      },
      onBroadcast(rule, { broadcast, forEachKey }, out) {
        broadcast.rules.set(rule.id, rule)
        if (rule.id !== 'amnesty') return
        forEachKey(({ key, state }) => {
          if (state.hits.get() > 0) out.emit(`${key} forgiven ${state.hits.get()}`)
          state.hits.clear()
        })
      },
    })
    .toTopic('alerts', json())
})

describe('broadcast state', () => {
  it('is read with the records of every key, and may change what keys keep', async () => {
    for (const parallelism of [1, 2]) {
      const t = await testHarness(rulesJob, { run: { parallelism }, partitions: { trades: 2 } })
      t.topic<Rule>('rules').send({ id: 'large', above: 10 })
      await t.settle()
      await t.settle()
      for (const account of ['a', 'b', 'a']) t.topic<Trade>('trades').send({ account, symbol: 'x', amount: 11 })
      await t.settle()
      await t.settle()
      t.topic<Rule>('rules').send({ id: 'amnesty', above: 1000 })
      await t.settle()
      await t.settle()
      t.topic<Trade>('trades').send({ account: 'a', symbol: 'x', amount: 12 }, { partition: 1 })
      await t.settle()
      await t.settle()
      expect(t.topic<string>('alerts').values().toSorted()).toEqual([
        'a broke large, 1 in all',
        'a broke large, 1 in all',
        'a broke large, 2 in all',
        'a forgiven 2',
        'b broke large, 1 in all',
        'b forgiven 1',
      ])
      await t.stop()
    }
  })

  it('does not hold event time back, however silent the stream is', async () => {
    const seen: number[] = []
    await job('silent', (env) => {
      const rules = env.from<Rule>([]).broadcast({ state: { rules: mapState<string, Rule>() } })
      env
        .from([1, 2, 3], { time: watermarks.monotonous((n) => n) })
        .connect(rules)
        .process({ onRecord: (n, _context, out: Collector<number>) => out.emit(n), onBroadcast() {} })
        .process({
          onRecord() {},
          onWatermark: (watermark, _context, out: Collector<number>) => out.emit(watermark),
        })
        .collect(seen)
    }).run({ log: memoryLog() })
    expect(seen).toContain(2)
  })
})

describe('a function without keys', () => {
  it('is told where it runs when it is opened, and can count', async () => {
    const told: OpenContext[] = []
    await job('told', (env) => {
      env
        .from([1, 2])
        .process({
          open(context) {
            told.push(context)
            context.metrics.counter('told_total', 'For the test').add(2)
          },
          onRecord: (n, _context, out: Collector<number>) => out.emit(n),
        })
        .uid('told-one')
        .named('Told')
        .collect([])
    }).run({ log: memoryLog() })
    expect(told).toMatchObject([{ job: 'told', uid: 'told-one', name: 'Told', index: 0, parallelism: 1 }])
  })

  it('keeps lists of its own over a restart', async () => {
    const buffering = job('buffer', (env) => {
      env
        .topic('in', json<number>())
        .process({
          operatorState: { waiting: operatorListState<number>() },
          onRecord(n, { operatorState: { waiting } }, out: Collector<number[]>) {
            waiting.add(n)
            if (waiting.get().length < 3) return
            out.emit([...waiting.get()])
            waiting.clear()
          },
        })
        .uid('buffer')
        .toTopic('out', json())
    })
    const t = await testHarness(buffering)
    for (const n of [1, 2, 3, 4]) t.topic<number>('in').send(n)
    await t.settle()
    await t.restart()
    for (const n of [5, 6]) t.topic<number>('in').send(n)
    await t.settle()
    expect(t.topic<number[]>('out').values()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ])
    await t.stop()
  })
})
