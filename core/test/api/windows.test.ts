import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  type Collector,
  countWindows,
  cumulative,
  type DataStream,
  type Environment,
  evictors,
  globalWindows,
  job,
  json,
  type KeyedStream,
  memoryLog,
  outputTag,
  reducingState,
  sessions,
  sliding,
  type Trigger,
  triggers,
  tumbling,
  valueState,
  type WindowAssigner,
  watermarks,
} from '../../src/index.ts'
import { testHarness } from '../../src/testing/index.ts'

interface Sale {
  readonly shop: string
  readonly amount: number
  readonly time: number
}

const sales: readonly Sale[] = [
  { shop: 'a', amount: 1, time: 1_000 },
  { shop: 'b', amount: 2, time: 2_000 },
  { shop: 'a', amount: 4, time: 61_000 },
  { shop: 'b', amount: 8, time: 62_000 },
  { shop: 'a', amount: 16, time: 121_000 },
]

function input(env: Environment): DataStream<Sale> {
  return env.from(sales, { time: watermarks.monotonous((sale) => sale.time) })
}

async function resultsOf<T>(build: (sales: DataStream<Sale>) => DataStream<T>, parallelism = 1): Promise<T[]> {
  const results: T[] = []
  await job('windows', (env) => build(input(env)).collect(results)).run({ parallelism, log: memoryLog() })
  return results
}

const sum = {
  create: () => 0,
  add: (total: number, { amount }: Sale) => total + amount,
  merge: (a: number, b: number) => a + b,
  result: (total: number) => total,
}

describe('windows of a job', () => {
  it('give sums, least and greatest values of a field, or their records', async () => {
    const results = await resultsOf((stream) => {
      const all = () => stream.keyBy('shop').window(tumbling('1h'))
      return all()
        .sum('amount')
        .union(all().min('amount'), all().max('amount'), all().minBy('amount'), all().maxBy('time'))
    })
    expectTypeOf(results).toEqualTypeOf<Sale[]>()
    const ofA = results.filter(({ shop }) => shop === 'a')
    expect(ofA.map(({ amount }) => amount).toSorted((a, b) => a - b)).toEqual([1, 1, 16, 16, 21])
    expect(ofA).toContainEqual({ shop: 'a', amount: 16, time: 121_000 })
    expect(ofA).toContainEqual({ shop: 'a', amount: 1, time: 1_000 })
  })

  it('may be over all records, whatever their keys', async () => {
    const results = await resultsOf((stream) =>
      stream.windowAll(tumbling('1m')).aggregate(sum, (total, { key, window }) => {
        expectTypeOf(key).toEqualTypeOf<'all'>()
        return [window.start, total]
      }),
    )
    expect(results).toEqual([
      [0, 3],
      [60_000, 12],
      [120_000, 16],
    ])
  })

  it('give the same over all records with several tasks', async () => {
    const build = (stream: DataStream<Sale>): DataStream<number> => stream.windowAll(tumbling('1m')).aggregate(sum)
    expect(await resultsOf(build, 3)).toEqual(await resultsOf(build))
  })

  it('may grow in the course of the day', async () => {
    const results = await resultsOf((stream) =>
      stream
        .keyBy((sale) => sale.shop)
        .window(cumulative('3m', '1m'))
        .aggregate(sum, (total, { key, window }) => `${key} ${window.end / 60_000} ${total}`),
    )
    expect(results.toSorted()).toEqual(['a 1 1', 'a 2 5', 'a 3 21', 'b 1 2', 'b 2 10', 'b 3 10'])
  })

  it('may be days of a time zone', async () => {
    const results = await resultsOf((stream) =>
      stream.windowAll(tumbling('1d', { timeZone: 'Asia/Tokyo' })).aggregate(sum, (total, { window }) => {
        return [new Date(window.start).toISOString(), total]
      }),
    )
    expect(results).toEqual([['1969-12-31T15:00:00.000Z', 31]])
  })

  it('may be of so many records, folded or as they are', async () => {
    const folded = await resultsOf((stream) =>
      stream.windowAll(countWindows(3, 2)).aggregate(sum, (total, { firing }) => [total, firing]),
    )
    expect(folded).toEqual([
      [3, 'on-time'],
      [14, 'on-time'],
    ])
    const whole = await resultsOf((stream) =>
      stream
        .windowAll(countWindows(2))
        .process((values, _context, out: Collector<number[]>) => out.emit(values.map(({ amount }) => amount))),
    )
    expect(whole).toEqual([
      [1, 2],
      [4, 8],
    ])
  })

  it('run a function with state over the aggregate', async () => {
    const results = await resultsOf((stream) =>
      stream
        .keyBy((sale) => sale.shop)
        .window(tumbling('1m'))
        .aggregate(sum, {
          keyState: { best: valueState({ initial: 0 }) },
          onWindow(total, { key, keyState }, out: Collector<string>) {
            if (total <= keyState.best.get()) return
            keyState.best.set(total)
            out.emit(`${key}: ${total}`)
          },
        }),
    )
    expect(results).toEqual(['a: 1', 'b: 2', 'a: 4', 'b: 8', 'a: 16'])
  })

  it('find the best of each window with a window over windows, since results carry the time of theirs', async () => {
    const results = await resultsOf((stream) =>
      stream
        .keyBy((sale) => sale.shop)
        .window(tumbling('1m'))
        .aggregate(sum, (total, { key }) => ({ shop: key, total }))
        .windowAll(tumbling('1m'))
        .process((shops, { window }, out: Collector<string>) => {
          const [best] = shops.toSorted((a, b) => b.total - a.total)
          out.emit(`${window.start / 60_000}: ${best?.shop}`)
        }),
    )
    expect(results).toEqual(['0: b', '1: b', '2: a'])
  })

  it('may be all that there is of each part of a bounded stream, to be sorted', async () => {
    const results = await resultsOf(
      (stream) =>
        stream
          .keyBy('shop')
          .window(globalWindows())
          .trigger(triggers.endOfStream())
          .process((own, { key }, out: Collector<string>) => {
            const amounts = [...own].map(({ amount }) => amount).sort((a, b) => b - a)
            out.emit(`${key}: ${amounts.join(' ')}`)
          }),
      2,
    )
    expect(results.toSorted()).toEqual(['a: 16 4 1', 'b: 8 2'])
  })

  it('give the same when records are gathered before they travel', async () => {
    const counts = async (windows: () => WindowAssigner<unknown>, parallelism: number): Promise<string[]> => {
      const rows: string[] = []
      await job('hot', (env) => {
        env
          .generate(
            { make: (n: number) => ({ key: n % 10 === 0 ? n % 7 : 'hot', n }), count: 20_000, splits: 4 },
            {
              time: watermarks.monotonous(({ n }: { n: number }) => n - (n % 3)),
            },
          )
          .keyBy(({ key }) => key)
          .window(windows())
          .aggregate(
            { create: () => 0, add: (sum, { n }) => sum + n, merge: (a, b) => a + b, result: (sum) => sum },
            (sum, { key, window }) => `${key} ${window.start} ${window.end} ${sum}`,
          )
          .collect(rows)
      }).run({ parallelism, log: memoryLog() })
      return rows.toSorted()
    }
    for (const windows of [
      () => tumbling(700),
      () => sliding(5_000, 1_000),
      () => cumulative(6_000, 2_000),
      () => sessions(40),
    ]) {
      const expected = await counts(windows, 1)
      expect(expected.length).toBeGreaterThan(10)
      for (const parallelism of [2, 4]) expect(await counts(windows, parallelism)).toEqual(expected)
    }
  })

  it('may end at another moment at each task', async () => {
    const ends = async (stagger: boolean): Promise<number[]> => {
      const t = await testHarness(
        job('staggered', (env) => {
          env
            .topic('in', json<number>())
            .keyBy((n) => n)
            .window(tumbling('1s', { time: 'processing', stagger }))
            .process((_values, { window }, out: Collector<number>) => out.emit(window.end % 1_000))
            .toTopic('ends', json())
        }),
        { run: { parallelism: 2 }, partitions: { in: 2 } },
      )
      for (let n = 0; n < 20; n++) t.topic<number>('in').send(n, { partition: n % 2 })
      await t.advanceBy('5s')
      const seen = new Set(t.topic<number>('ends').values())
      await t.stop()
      return [...seen].toSorted((a, b) => a - b)
    }
    expect(await ends(true)).toEqual([0, 500])
    expect(await ends(false)).toEqual([0])
  })

  it('send what a function sets aside to a side output', async () => {
    const large = outputTag<number>('large')
    const aside: number[] = []
    await job('aside', (env) => {
      const totals = input(env)
        .keyBy((sale) => sale.shop)
        .window(tumbling('1m'))
        .process((values, context, out: Collector<number>) => {
          for (const { amount } of values) amount > 5 ? context.side(large, amount) : out.emit(amount)
        })
      totals.sideOutput(large).collect(aside)
      totals.collect([])
    }).run({ log: memoryLog() })
    expect(aside).toEqual([8, 16])
  })
})

const unmergeable: Trigger<unknown> = { name: 'mine', onRecord: () => 'continue' }

describe('windows that cannot be are refused when the job is built', () => {
  const byShop = (env: Environment): KeyedStream<string, Sale> => input(env).keyBy((sale) => sale.shop)
  const merging = { add: sum.add, create: sum.create, result: sum.result }

  it.each<[string, (env: Environment) => unknown, RegExp]>([
    [
      'lateness in processing time',
      (env) =>
        byShop(env)
          .window(tumbling(1, { time: 'processing' }))
          .allowedLateness(5),
      /allowedLateness at .*only windows of event time/,
    ],
    [
      'lateness without an end',
      (env) => byShop(env).window(countWindows(3)).allowedLateness(5),
      /only windows of event time/,
    ],
    [
      'a late output in processing time',
      (env) =>
        byShop(env)
          .window(sessions(1, { time: 'processing' }))
          .lateTo(outputTag<Sale>('late')),
      /lateTo at/,
    ],
    [
      'an evictor with a fold',
      (env) => byShop(env).window(tumbling(1)).evictor(evictors.count(1)).aggregate(sum),
      /aggregate at .*evictor needs the records one by one/,
    ],
    [
      'an evictor with a reduction',
      (env) =>
        byShop(env)
          .window(tumbling(1))
          .evictor(evictors.count(1))
          .reduce((a) => a),
      /reduce at .*use process/,
    ],
    [
      'global windows without a trigger',
      (env) => byShop(env).window(globalWindows()).aggregate(sum),
      /they need a trigger/,
    ],
    [
      'a trigger for an end that does not come',
      (env) => byShop(env).window(countWindows(2)).trigger(triggers.eventTime()).aggregate(sum),
      /waits for the end of the window, and countWindows has none/,
    ],
    [
      'a trigger of the other time',
      (env) => byShop(env).window(tumbling(1)).trigger(triggers.processingTime()).aggregate(sum),
      /goes by processing time, but the windows by event time/,
    ],
    [
      'merging windows with a trigger that does not merge',
      (env) => byShop(env).window(sessions(1)).trigger(unmergeable).aggregate(sum),
      /'mine' has no onMerge/,
    ],
    [
      'merging windows with an aggregate that does not merge',
      (env) => byShop(env).window(sessions(1)).aggregate(merging),
      /the aggregate has no merge/,
    ],
    [
      'merging windows with state that does not merge',
      (env) =>
        byShop(env)
          .window(sessions(1))
          .process({ windowState: { last: valueState<number>() }, onWindow() {} }),
      /their state 'last' is a value state/,
    ],
    [
      'state with a name that cannot be',
      (env) =>
        byShop(env)
          .window(tumbling(1))
          .process({ windowState: { 'no name': reducingState<number>((a) => a) }, onWindow() {} }),
      /State 'no name'/,
    ],
  ])('%s', (_, build, message) => {
    expect(() => job('wrong', (env) => void build(env)).build()).toThrow(message)
    expect(() => job('wrong', (env) => void build(env)).build()).toThrow(/windows\.test\.ts:\d+/)
  })

  it.each<[() => WindowAssigner, RegExp]>([
    [() => tumbling(-1), /not a duration/],
    [() => tumbling(0), /tumbling: the size/],
    [() => sliding('1m', 0), /sliding: the slide/],
    [() => cumulative('1h', '7m'), /must be a multiple of the step/],
    [() => tumbling('1h', { timeZone: 'Europe/Berlin' }), /whole days/],
    [() => tumbling('1d', { timeZone: 'Nowhere' }), /not a time zone/],
    [() => tumbling('1d', { stagger: true }), /staggered in processing time only/],
    [() => sessions('0s'), /sessions: the gap/],
    [() => countWindows(0), /countWindows: the size is 0/],
    [() => countWindows(2, 1.5), /countWindows: the slide is 1.5/],
  ])('%s', (make, message) => {
    expect(make).toThrow(message)
  })
})
