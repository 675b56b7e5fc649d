import { describe, expect, it } from 'vitest'
import {
  type Collector,
  type Counter,
  type DataStream,
  type Environment,
  job,
  json,
  mapState,
  type OpenContext,
  operatorListState,
  restart,
  silentLogger,
  tumbling,
} from '../../src/index.ts'
import { operatorHarness, testHarness } from '../../src/testing/index.ts'

/** A function's life as it tells of it, and a counter of its own. */
class Life {
  readonly contexts: OpenContext[] = []
  closed = 0
  counter: Counter | undefined

  readonly open = (context: OpenContext): void => {
    this.contexts.push(context)
    this.counter = context.metrics.counter('calls', 'Calls of the function')
  }

  readonly close = (): void => {
    this.closed++
  }
}

const numbers = (env: Environment) => env.topic('in', json<number>())
const rules = (env: Environment) => env.topic('rules', json<number>())

/** Every kind of function that can be opened, as a stream of numbers; each counts one call for each record. */
const kinds: readonly [string, (env: Environment, life: Life) => ReturnType<typeof numbers>][] = [
  [
    'map',
    (env, life) =>
      numbers(env).map({
        open: life.open,
        close: life.close,
        onRecord(n) {
          life.counter?.add()
          return n
        },
      }),
  ],
  [
    'filter',
    (env, life) =>
      numbers(env).filter({
        open: life.open,
        close: life.close,
        onRecord() {
          life.counter?.add()
          return true
        },
      }),
  ],
  [
    'flatMap',
    (env, life) =>
      numbers(env).flatMap({
        open: life.open,
        close: life.close,
        onRecord(n) {
          life.counter?.add()
          return [n]
        },
      }),
  ],
  [
    'process',
    (env, life) =>
      numbers(env).process({
        open: life.open,
        close: life.close,
        onRecord(n, _, out: Collector<number>) {
          life.counter?.add()
          out.emit(n)
        },
      }),
  ],
  [
    'keyed process',
    (env, life) =>
      numbers(env)
        .keyBy((n) => n)
        .process({
          open: life.open,
          close: life.close,
          onRecord(n, _, out: Collector<number>) {
            life.counter?.add()
            out.emit(n)
          },
        }),
  ],
  [
    'co-process',
    (env, life) =>
      numbers(env)
        .connect(rules(env))
        .process({
          open: life.open,
          close: life.close,
          onLeft(n, _, out: Collector<number>) {
            life.counter?.add()
            out.emit(n)
          },
          onRight() {},
        }),
  ],
  [
    'keyed co-process',
    (env, life) =>
      numbers(env)
        .keyBy((n) => n)
        .connect(rules(env).keyBy((n) => n))
        .process({
          open: life.open,
          close: life.close,
          onLeft(n, _, out: Collector<number>) {
            life.counter?.add()
            out.emit(n)
          },
          onRight() {},
        }),
  ],
  [
    'broadcast process',
    (env, life) =>
      numbers(env)
        .connect(rules(env).broadcast({ state: { rules: mapState<number, number>() } }))
        .process({
          open: life.open,
          close: life.close,
          onRecord(n, _, out: Collector<number>) {
            life.counter?.add()
            out.emit(n)
          },
          onBroadcast() {},
        }),
  ],
  [
    'keyed broadcast process',
    (env, life) =>
      numbers(env)
        .keyBy((n) => n)
        .connect(rules(env).broadcast({ state: { rules: mapState<number, number>() } }))
        .process({
          open: life.open,
          close: life.close,
          onRecord(n, _, out: Collector<number>) {
            life.counter?.add()
            out.emit(n)
          },
          onBroadcast() {},
        }),
  ],
  [
    'window process',
    (env, life) =>
      numbers(env)
        .keyBy((n) => n)
        .window(tumbling(1, { time: 'processing' }))
        .process({
          open: life.open,
          close: life.close,
          onWindow([n = 0], _, out: Collector<number>) {
            life.counter?.add()
            out.emit(n)
          },
        }),
  ],
  [
    'window process over an aggregate, with state of its own',
    (env, life) =>
      numbers(env)
        .keyBy((n) => n)
        .window(tumbling(1, { time: 'processing' }))
        .reduce((a) => a, {
          open: life.open,
          close: life.close,
          onWindow(n, _, out: Collector<number>) {
            life.counter?.add()
            out.emit(n)
          },
          onClear() {},
        }),
  ],
  [
    'asynchronous',
    (env, life) =>
      numbers(env).mapAsync({
        open: life.open,
        close: life.close,
        async onRecord(n) {
          life.counter?.add()
          return n
        },
      }),
  ],
]

describe.each(kinds)('a function (%s)', (_, build) => {
  it('is opened before its first record with what it may know, has metrics of its own, and is closed', async () => {
    const life = new Life()
    const t = await testHarness(
      job('rich', (env) => {
        const built = build(env, life).uid('tested').named('under test')
        built.toTopic('out', json())
      }),
      { run: { parallelism: 1, maxParallelism: 64 } },
    )
    await t.settle()
    expect(life.contexts).toMatchObject([
      {
        job: 'rich',
        uid: 'tested',
        name: 'under test',
        index: 0,
        parallelism: 1,
        maxParallelism: 64,
        attempt: 0,
      },
    ])
    for (const n of [1, 2, 3]) t.topic<number>('in').send(n)
    await t.settle()
    await t.advanceBy('1s')
    expect(t.topic<number>('out').values().toSorted()).toEqual([1, 2, 3])
    expect(t.handle.metrics()).toMatch(/^calls_total{.*task="[^"]+\/0",operator="tested"} 3$/m)
    await t.stop()
    expect(life.closed).toBe(1)
  })
})

describe('a function', () => {
  it('has every kind of metric in two lines', async () => {
    const t = await testHarness(
      job('measured', (env) => {
        let sizes: ReturnType<OpenContext['metrics']['histogram']> | undefined
        let texts: Counter | undefined
        env
          .topic('in', json<string>())
          .map({
            open({ metrics }) {
              texts = metrics.meter('texts', 'Texts seen')
              sizes = metrics.histogram('text_size', 'Length of texts')
              metrics.gauge('texts_even', 'Whether their number is even', () => Number((texts?.value ?? 0) % 2 === 0))
            },
            onRecord(text) {
              texts?.add()
              sizes?.record(text.length)
              return text
            },
          })
          .uid('measuring')
          .toTopic('out', json())
      }),
    )
    for (const text of ['a', 'bb', 'ccc']) t.topic<string>('in').send(text)
    await t.settle()
    const metrics = t.handle.metrics()
    expect(metrics).toMatch(/^texts_total{.*operator="measuring"} 3$/m)
    expect(metrics).toMatch(/^texts_per_second{.*operator="measuring"} [\d.]+$/m)
    expect(metrics).toMatch(/^texts_even{.*operator="measuring"} 0$/m)
    expect(metrics).toMatch(/^text_size_sum{.*operator="measuring"} 6$/m)
    await t.stop()
  })

  it('is told which attempt of its task it is', async () => {
    const attempts: number[] = []
    const seen: number[] = []
    const failing = job('failing', (env) => {
      env
        .from([1, 2, 3])
        .process({
          open: ({ attempt }) => void attempts.push(attempt),
          onRecord: (n, _, out: Collector<number>) => out.emit(n),
          onEnd() {
            if (attempts.length < 3) throw new Error('not yet')
          },
        })
        .collect(seen)
    })
    await failing.run({ restart: restart.fixedDelay({ delay: 1, attempts: 5 }), logger: silentLogger })
    expect(attempts).toEqual([0, 1, 2])
    expect(seen).toEqual([1, 2, 3])
  })

  it('finds the lists of its task restored when it is opened', async () => {
    const sums = await operatorHarness((input: DataStream<number>) => {
      let sum = 0
      return input.process({
        operatorState: { seen: operatorListState<number>() },
        open({ operatorState: { seen } }) {
          sum = seen.get().reduce((a, b) => a + b, 0)
        },
        onRecord(n, { operatorState: { seen } }, out: Collector<number>) {
          seen.add(n)
          sum += n
          out.emit(sum)
        },
      })
    })
    sums.send(1)
    sums.send(2)
    sums.snapshot()
    sums.send(3)
    await sums.crash()
    sums.send(4)
    expect(sums.values()).toEqual([1, 3, 6, 7])
  })
})
