import { describe, expect, it } from 'vitest'
import {
  type Collector,
  type DataStream,
  type Environment,
  globalWindows,
  job,
  json,
  type KeyedStream,
  mapState,
  StreamError,
  triggers,
  tumbling,
  watermarks,
} from '../../src/index.ts'

interface Payment {
  readonly card: string
  readonly time: number
}

const time = watermarks.monotonous<Payment>((payment) => payment.time)
const topic = (env: Environment, name: string, options = {}) => env.topic(name, json<Payment>(), options)
const byCard = (env: Environment, name = 'payments', options = {}): KeyedStream<string, Payment> =>
  topic(env, name, options).keyBy('card')
const firstOf = (payments: readonly Payment[], _: unknown, out: Collector<Payment>): void =>
  out.emit(payments[0] as Payment)

function refusal(build: (env: Environment) => DataStream<unknown>): string | null {
  try {
    job('paid', (env) => {
      build(env).toTopic('out', json())
    }).explain()
    return null
  } catch (error) {
    if (!StreamError.is(error)) throw error
    expect(error.code).toBe('GRAPH_INVALID')
    return error.message
  }
}

const pair = (left: Payment, right: Payment | undefined): unknown => [left, right]

describe('what waits for event time behind a topic without a watermark strategy is refused', () => {
  it.each<[string, (env: Environment) => DataStream<unknown>]>([
    ['windows', (env) => byCard(env).window(tumbling('1m')).process(firstOf)],
    ['windows without keys', (env) => topic(env, 'payments').windowAll(tumbling('1m')).process(firstOf)],
    [
      'windows with a trigger of event time',
      (env) => byCard(env).window(tumbling('1m')).trigger(triggers.endOfWindow()).process(firstOf),
    ],
    [
      'windows of a union with it',
      (env) =>
        topic(env, 'timed', { time })
          .union(topic(env, 'payments'))
          .keyBy('card')
          .window(tumbling('1m'))
          .process(firstOf),
    ],
    ['a join with a version', (env) => byCard(env, 'timed', { time }).asOfJoin(byCard(env), {}, pair)],
    [
      'an outer join by time',
      (env) => byCard(env).intervalJoin(byCard(env, 'timed', { time }), { lower: 0, upper: 1, type: 'left' }, pair),
    ],
    ['a function that says so', (env) => byCard(env).process({ waitsForEventTime: true, onRecord() {} })],
  ])('%s', (_, build) => {
    const message = refusal(build)
    expect(message).toMatch(/waits for event time, and 'payments' \(added at .*without-watermarks\.test\.ts:\d+\)/)
  })

  it('by the name of what waits', () => {
    const message = refusal((env) => byCard(env).window(tumbling('1m')).process(firstOf).named('minutes'))
    expect(message).toMatch(/^'minutes' \(window-process, added at .*\) waits for event time/)
  })
})

describe('a topic without a watermark strategy is taken', () => {
  it.each<[string, (env: Environment) => DataStream<unknown>]>([
    ['where it ends', (env) => byCard(env, 'payments', { bounded: true }).window(tumbling('1m')).process(firstOf)],
    [
      'by windows of processing time',
      (env) =>
        byCard(env)
          .window(tumbling('1m', { time: 'processing' }))
          .process(firstOf),
    ],
    [
      'by windows that something else fires',
      (env) => byCard(env).window(globalWindows()).trigger(triggers.count(2)).process(firstOf),
    ],
    [
      'by an inner join by time',
      (env) => byCard(env).intervalJoin(byCard(env, 'timed', { time }), { lower: 0, upper: 1 }, pair),
    ],
    [
      'where it is broadcast',
      (env) => {
        const rules = topic(env, 'rules').broadcast({ state: { rules: mapState<string, Payment>() } })
        const watched = byCard(env, 'payments', { time })
          .connect(rules)
          .process({
            onRecord: (payment: Payment, _context, out: Collector<Payment>) => out.emit(payment),
            onBroadcast() {},
          })
        return watched.keyBy('card').window(tumbling('1m')).process(firstOf)
      },
    ],
  ])('%s', (_, build) => {
    expect(refusal(build)).toBeNull()
  })
})
