import { describe, expectTypeOf, it } from 'vitest'
import {
  booleanSignal,
  type Collector,
  type DataStream,
  job,
  json,
  type KeyedStream,
  mapState,
  msgpack,
  number,
  numberSignal,
  outputTag,
  string,
  type TimeWindow,
  tumbling,
  valueState,
  watermarks,
} from '../../src/index.ts'

interface Payment {
  readonly card: string
  readonly amount: number
  readonly time: number
}

/** Nothing is run: the compiler is the test. */
function types(check: (payments: DataStream<Payment>) => void): void {
  job('types', (env) => check(env.topic('payments', json<Payment>())))
}

describe('types', () => {
  it('flow from the serde through the strategy, transformations and keys', () => {
    job('types', (env) => {
      const payments = env.topic('payments', json<Payment>(), { time: watermarks.bounded('5s', (p) => p.time) })
      expectTypeOf(payments).toEqualTypeOf<DataStream<Payment>>()
      expectTypeOf(payments.map((p) => p.amount)).toEqualTypeOf<DataStream<number>>()
      expectTypeOf(payments.keyBy((p) => [p.card, p.amount] as const)).toEqualTypeOf<
        KeyedStream<readonly [string, number], Payment>
      >()
      expectTypeOf(env.records('in', { key: string(), value: number() }).map((r) => r.value)).toEqualTypeOf<
        DataStream<number | null>
      >()
    })
  })

  it('are narrowed by a filter that guards', () => {
    types((payments) => {
      const mixed = payments.map((p): string | number => p.amount)
      expectTypeOf(mixed.filter((value) => typeof value === 'string')).toEqualTypeOf<DataStream<string>>()
    })
  })

  it('of a process function are those of its collector and its declared state', () => {
    types((payments) => {
      const out = payments
        .keyBy((p) => p.card)
        .process({
          state: {
            count: valueState({ initial: 0 }),
            last: valueState<Payment>(),
            byShop: mapState<string, Payment[]>(),
          },
          onRecord(payment, { key, state }, collector: Collector<{ card: string }>) {
            expectTypeOf(payment).toEqualTypeOf<Payment>()
            expectTypeOf(key).toEqualTypeOf<string>()
            expectTypeOf(state.count.get()).toEqualTypeOf<number>()
            expectTypeOf(state.last.get()).toEqualTypeOf<Payment | undefined>()
            expectTypeOf(state.byShop.get('x')).toEqualTypeOf<Payment[] | undefined>()
            // @ts-expect-error a number is not what the collector takes
            collector.emit(1)
          },
        })
      expectTypeOf(out).toEqualTypeOf<DataStream<{ card: string }>>()
    })
  })

  it('of a window are those of the aggregate, its map and its key', () => {
    types((payments) => {
      const windows = payments.keyBy((p) => p.card).window(tumbling('1m'))
      const aggregate = { create: () => 0, add: (n: number, p: Payment) => n + p.amount, result: (n: number) => `${n}` }
      expectTypeOf(windows.aggregate(aggregate)).toEqualTypeOf<DataStream<string>>()
      const mapped = windows.aggregate(aggregate, (result, { key, window }) => {
        expectTypeOf(result).toEqualTypeOf<string>()
        expectTypeOf(key).toEqualTypeOf<string>()
        expectTypeOf(window).toEqualTypeOf<TimeWindow>()
        return { key, result }
      })
      expectTypeOf(mapped).toEqualTypeOf<DataStream<{ key: string; result: string }>>()
      expectTypeOf(windows.reduce((a) => a)).toEqualTypeOf<DataStream<Payment>>()
    })
  })

  it('of a side output are those of its tag, and sinks take what the stream has', () => {
    types((payments) => {
      expectTypeOf(payments.sideOutput(outputTag<Date>('late'))).toEqualTypeOf<DataStream<Date>>()
      // @ts-expect-error a string serde cannot write payments
      payments.toTopic('out', string())
      payments.toTopic('out', msgpack<Payment>(), { key: (p) => p.card })
      // @ts-expect-error two streams of different types have no union
      payments.union(payments.map((p) => p.amount))
    })
  })

  it('of signals are those of their kind, when they are emitted, asked for and heard', () => {
    const progress = numberSignal('progress', { combine: 'min' })
    const ready = booleanSignal('ready', { combine: 'and' })
    // @ts-expect-error numbers are not combined by 'and'
    types(() => numberSignal('wrong', { combine: 'and' }))
    types((payments) => {
      const out = payments.process({
        emits: [ready],
        hears: [progress, ready],
        onRecord(payment, { emitSignal, signal }, out: Collector<string>) {
          expectTypeOf(signal(progress)).toEqualTypeOf<number | undefined>()
          expectTypeOf(signal(ready)).toEqualTypeOf<boolean | undefined>()
          emitSignal(ready, payment.amount > 0)
          // @ts-expect-error the signal is on or off
          emitSignal(ready, payment.amount)
          out.emit(payment.card)
        },
        onSignal(signal, { index }, out) {
          expectTypeOf(signal.value).toEqualTypeOf<number | boolean>()
          if (signal.is(progress)) expectTypeOf(signal.value).toEqualTypeOf<number>()
          else if (signal.is(ready)) expectTypeOf(signal.value).toEqualTypeOf<boolean>()
          out.emit(`${signal.name} ${index}`)
        },
      })
      expectTypeOf(out).toEqualTypeOf<DataStream<string>>()
    })
  })

  it('of a signal by key show its keys and their state, and no key of its own', () => {
    const progress = numberSignal('progress', { combine: 'min' })
    types((payments) => {
      payments
        .keyBy((p) => p.card)
        .process({
          state: { last: valueState<Payment>() },
          hears: [progress],
          onRecord(payment, { state }, _out: Collector<number>) {
            state.last.set(payment)
          },
          onSignal(_signal, context, out) {
            // @ts-expect-error a signal belongs to no key
            context.key
            context.forEachKey(({ key, state }) => {
              expectTypeOf(key).toEqualTypeOf<string>()
              out.emit(state.last.get()?.amount ?? 0)
            })
          },
        })
    })
  })
})
