import { describe, expect, it } from 'vitest'
import {
  type Collector,
  countWindows,
  cumulative,
  deltaWindows,
  type Environment,
  evictors,
  job,
  json,
  mapState,
  outputTag,
  type StreamError,
  sessions,
  sliding,
  triggers,
  tumbling,
  valueState,
  watermarks,
} from '../../src/index.ts'

/** What building throws. */
function refused(build: (env: Environment) => unknown, name = 'wrong'): StreamError {
  try {
    job(name, build as (env: Environment) => void).start()
  } catch (error) {
    return error as StreamError
  }
  throw new Error('The graph was not refused.')
}

const here = /core\/test\/failures\/graphs\.test\.ts:\d+/
const numbers = (env: Environment) => env.topic('in', json<number>())

describe('a graph that cannot run is refused when it is started', () => {
  it.each<[string, (env: Environment) => unknown, RegExp]>([
    ['nothing at all', () => {}, /no source/],
    ['a source without a sink', (env) => numbers(env), /no sink/],
    [
      'two operators with one uid',
      (env) =>
        numbers(env)
          .map((n) => n)
          .uid('same')
          .map((n) => n)
          .uid('same')
          .toTopic('out', json()),
      /'same'.*too/,
    ],
    ['a uid that cannot be one', (env) => numbers(env).uid('not.a.uid').toTopic('out', json()), /not\.a\.uid.*letters/],
    [
      'one topic read twice',
      (env) => numbers(env).union(numbers(env)).toTopic('out', json()),
      /reads topic in.*read it once/,
    ],
    [
      'an operator whose output nobody reads',
      (env) => {
        numbers(env).toTopic('out', json())
        env
          .topic('other', json())
          .map((n) => n)
          .uid('lonely')
      },
      /leads nowhere.*sink/,
    ],
    [
      'an initial state that cannot be stored',
      (env) =>
        numbers(env)
          .keyBy((n) => n)
          .process({
            state: { held: valueState({ initial: () => 1 }) },
            onRecord: (n, _, out: Collector<number>) => out.emit(n),
          })
          .toTopic('out', json()),
      /'held'.*initial value/,
    ],
    [
      'a state with a name that cannot be one',
      (env) =>
        numbers(env)
          .keyBy((n) => n)
          .process({
            state: { 'a/b': valueState<number>() },
            onRecord: (n, _, out: Collector<number>) => out.emit(n),
          })
          .toTopic('out', json()),
      /'a\/b'.*name/,
    ],
    [
      'a state that is no state',
      (env) =>
        numbers(env)
          .keyBy((n) => n)
          .process({
            state: { n: 0 as never },
            onRecord: (n, _, out: Collector<number>) => out.emit(n),
          })
          .toTopic('out', json()),
      /'n'.*valueState/,
    ],
    [
      'session windows whose aggregate cannot merge',
      (env) =>
        numbers(env)
          .keyBy((n) => n)
          .window(sessions('5s'))
          .aggregate({ create: () => 0, add: (n) => n + 1, result: (n) => n })
          .toTopic('out', json()),
      /merge/,
    ],
    [
      'prepartitioned behind a map',
      (env) =>
        numbers(env)
          .map((n) => n)
          .keyBy((n) => n, { prepartitioned: true })
          .reduce((a) => a)
          .toTopic('out', json()),
      /straight from a topic/,
    ],
    [
      'a ttl of nothing',
      (env) =>
        numbers(env)
          .keyBy((n) => n)
          .process({
            state: { held: valueState<number>({ ttl: { after: 0 } }) },
            onRecord: (n, _, out: Collector<number>) => out.emit(n),
          })
          .toTopic('out', json()),
      /'held'.*ttl is 0; it must be more than 0/,
    ],
    [
      'a ttl for state of a window',
      (env) =>
        numbers(env)
          .keyBy((n) => n)
          .window(tumbling('5s'))
          .process({
            windowState: { held: valueState<number>({ ttl: { after: '1s' } }) },
            onWindow: (values, _, out: Collector<number>) => out.emit(values.length),
          })
          .toTopic('out', json()),
      /'held'.*has a ttl, but state of a window goes with the window/,
    ],
    [
      'a ttl for broadcast state',
      (env) =>
        numbers(env)
          .connect(
            env
              .topic('rules', json<number>())
              .broadcast({ state: { held: mapState<number, number>({ ttl: { after: '1s' } }) } }),
          )
          .process({ onBroadcast() {}, onRecord: (n, _, out: Collector<number>) => out.emit(n) })
          .toTopic('out', json()),
      /'held'.*has a ttl, but only state of keys expires/,
    ],
    ["a topic of the job's own", (env) => env.topic('wrong.x.repartition', json()).toTopic('out', json()), /job's own/],
  ])('%s', (what, build, told) => {
    const error = refused(build)
    expect(error).toMatchObject({ code: 'GRAPH_INVALID', where: { job: 'wrong' } })
    expect(error.message).toMatch(told)
    if (what !== 'nothing at all' && what !== 'a source without a sink') expect(error.message).toMatch(here)
  })

  const byKey = (env: Environment) => numbers(env).keyBy((n) => n)
  const windows = (env: Environment) => byKey(env).window(tumbling('1m'))
  const first = { onRecord: (n: number, _: unknown, out: Collector<number>) => out.emit(n) }
  const asyncVoid = (async () => {}) as unknown as () => void
  const asyncNumber = async (n: number): Promise<number> => n
  it.each<[string, (env: Environment) => unknown, RegExp]>([
    ['a negative size', (env) => byKey(env).window(tumbling(-5)), /^tumbling at .*-5 is not a duration/],
    ['a size of nothing', (env) => byKey(env).window(tumbling('0s')), /^tumbling at .*the size .* must be above 0/],
    ['a slide of nothing', (env) => byKey(env).window(sliding('1m', 0)), /^sliding at .*the slide .* must be above 0/],
    ['a step that does not fit', (env) => byKey(env).window(cumulative('1h', '7m')), /^cumulative at .*multiple of/],
    ['half a count', (env) => byKey(env).window(countWindows(1.5)), /^countWindows at .*whole number/],
    ['a slide of half a count', (env) => byKey(env).window(countWindows(2, 0)), /^countWindows at .*the slide is 0/],
    ['a gap of nothing', (env) => byKey(env).window(sessions(0)), /^sessions at .*the gap/],
    [
      'a threshold that is no number',
      (env) => byKey(env).window(deltaWindows(Number.NaN, () => 0)),
      /^deltaWindows at .*NaN/,
    ],
    [
      'an offset that is no time',
      (env) => byKey(env).window(tumbling(5, { offset: 'x' as never })),
      /^tumbling at .*not a duration/,
    ],
    [
      'hours of a time zone',
      (env) => byKey(env).window(tumbling('1h', { timeZone: 'Europe/Berlin' })),
      /^tumbling at .*whole days/,
    ],
    [
      'a zone that is not there',
      (env) => byKey(env).window(tumbling('1d', { timeZone: 'Mars/North' })),
      /^tumbling at .*Mars\/North/,
    ],
    [
      'windows of event time that are staggered',
      (env) => byKey(env).window(tumbling(5, { stagger: true })),
      /^tumbling at .*processing time only/,
    ],
    ['a negative lateness', (env) => windows(env).allowedLateness(-1), /^allowedLateness at .*-1 is not a duration/],
    [
      'lateness on processing time',
      (env) =>
        byKey(env)
          .window(tumbling(5, { time: 'processing' }))
          .allowedLateness(1),
      /^allowedLateness at .*only windows of event time/,
    ],
    [
      'late records of windows without end',
      (env) => byKey(env).window(countWindows(5)).lateTo(outputTag('late')),
      /^lateTo at .*only windows of event time/,
    ],
    [
      'an evictor with an aggregate',
      (env) =>
        windows(env)
          .evictor(evictors.count(2))
          .reduce((a) => a),
      /^reduce at .*evictor needs the records one by one/,
    ],
    [
      'a second evictor',
      (env) => byKey(env).window(countWindows(4, 2)).evictor(evictors.count(2)),
      /^evictor at .*countWindows with a slide evicts/,
    ],
    [
      'an evictor with a join',
      (env) =>
        windows(env)
          .evictor(evictors.count(2))
          .join(byKey(env), (a, b) => a + b),
      /^join at .*evictor would see the records of both/,
    ],
    [
      'an evictor that keeps less than nothing',
      (env) => windows(env).evictor(evictors.count(-1)),
      /^count at .*evictors\.count was given -1/,
    ],
    [
      'a trigger that counts to nothing',
      (env) => windows(env).trigger(triggers.count(0)),
      /^count at .*triggers\.count was given 0/,
    ],
    [
      'bounds that nothing lies between',
      (env) => byKey(env).intervalJoin(byKey(env), { lower: 5, upper: 1 }, (a) => a),
      /^intervalJoin at .*no time lies between/,
    ],
    [
      'a side output of a map',
      (env) =>
        numbers(env)
          .map((n) => n)
          .sideOutput(outputTag('odd')),
      /^sideOutput\('odd'\) at .*cannot send/,
    ],
    ['a tag without a name', () => outputTag(''), /^outputTag at .*needs a name/],
    [
      'idleness at once',
      (env) => env.topic('in', json<number>(), { time: watermarks.monotonous<number>().withIdleness(0) }),
      /^withIdleness at .*idle at once/,
    ],
    [
      'capacity for nothing',
      (env) => numbers(env).mapAsync(asyncNumber, { capacity: 0 }),
      /^mapAsync at .*capacity is 0/,
    ],
    [
      'timers at the end without timers',
      (env) => byKey(env).process({ ...first, timersAtEnd: 'drop' }),
      /^process at .*no onTimer/,
    ],
    [
      'timers at the end that do what there is not',
      (env) => byKey(env).process({ ...first, onTimer() {}, timersAtEnd: 'keep' as never }),
      /^process at .*'fire', 'wait', 'drop'/,
    ],
    [
      'an asynchronous function over records',
      (env) => byKey(env).process({ onRecord: asyncVoid }),
      /^process at .*async function \(onRecord\)/,
    ],
    [
      'an asynchronous timer',
      (env) => byKey(env).process({ ...first, onTimer: asyncVoid }),
      /^process at .*async function \(onTimer\)/,
    ],
    ['a map without a function', (env) => numbers(env).map(5 as never), /^map at .*needs a function onRecord/],
    ['a filter of nothing', (env) => numbers(env).filter(undefined as never), /^filter at .*and is given nothing/],
    ['a function without onRecord', (env) => byKey(env).process({} as never), /^process at .*function onRecord/],
    [
      'a timer that is no function',
      (env) => byKey(env).process({ ...first, onTimer: 1 as never }),
      /^process at .*function onTimer, and is given a value of type number/,
    ],
    [
      'a pair of streams of which one has no function',
      (env) =>
        byKey(env)
          .connect(byKey(env))
          .process({ onLeft() {} } as never),
      /^process at .*function onRight/,
    ],
    ['a key of nothing', (env) => numbers(env).keyBy(undefined as never), /^keyBy at .*function key/],
    ['a field without a name', (env) => numbers(env).keyBy('' as never), /^keyBy at .*function key/],
    ['a reduction by nothing', (env) => byKey(env).reduce(undefined as never), /^reduce at .*function reduce/],
    [
      'an aggregate without a result',
      (env) => windows(env).aggregate({ create: () => 0, add: (n: number) => n } as never),
      /^aggregate at .*function result/,
    ],
    [
      'a window function that is none',
      (env) => windows(env).aggregate({ create: () => 0, add: (n) => n, result: (n) => n }, {} as never),
      /^aggregate at .*function onWindow/,
    ],
    ['windows processed by nothing', (env) => windows(env).process({} as never), /^process at .*function onWindow/],
    [
      'windows joined by nothing',
      (env) => windows(env).join(byKey(env), undefined as never),
      /^join at .*function map/,
    ],
    [
      'a trigger that decides nothing',
      (env) => windows(env).trigger({ name: 'none' } as never),
      /^trigger at .*onRecord/,
    ],
    ['an evictor that keeps nothing', (env) => windows(env).evictor({} as never), /^evictor at .*function retain/],
    [
      'an evictor without a span',
      (env) => windows(env).evictor(evictors.time(0)),
      /^time at .*evictors\.time was given 0/,
    ],
    [
      'a trigger for late records where none are kept',
      (env) =>
        windows(env)
          .trigger(triggers.endOfWindow({ late: triggers.count(2) }))
          .reduce((a) => a),
      /^trigger at .*without allowedLateness/,
    ],
    [
      'a trigger that cannot merge with windows that do',
      (env) =>
        byKey(env)
          .window(sessions('5s'))
          .trigger({ name: 'each', onRecord: () => 'fire' })
          .reduce((a) => a),
      /^trigger at .*no onMerge/,
    ],
    ['a partitioner of nothing', (env) => numbers(env).partitionBy(undefined as never), /^partitionBy at .*select/],
    ['a call of nothing', (env) => numbers(env).mapAsync(undefined as never), /^mapAsync at .*function onRecord/],
    [
      'results in an order that there is not',
      (env) => numbers(env).mapAsync(asyncNumber, { order: 'any' as never }),
      /^mapAsync at .*order is "any"/,
    ],
    [
      'a lookup without a key',
      (env) => numbers(env).lookupJoin({ lookup: async () => 1 } as never, (n) => n),
      /^lookupJoin at .*function key/,
    ],
    [
      'a dead-letter topic with a name that cannot be one',
      (env) => env.topic('in', json(), { onDecodeFailure: { deadLetterTopic: 'a b' } }).print(),
      /uses topic 'a b'/,
    ],
    [
      'a start that is no place',
      (env) => env.topic('in', json(), { start: 'first' as never }).print(),
      /starts at "first"/,
    ],
    [
      'a policy that there is not',
      (env) => env.topic('in', json(), { onDecodeFailure: 'ignore' as never }).print(),
      /onDecodeFailure "ignore"/,
    ],
    ['an asynchronous key', (env) => numbers(env).keyBy(asyncNumber), /^keyBy at .*async function/],
    [
      'an asynchronous fold',
      (env) => windows(env).aggregate({ create: () => 0, add: asyncNumber as never, result: (n) => n }),
      /^aggregate at .*async function \(add\)/,
    ],
    [
      'an asynchronous window function',
      (env) => windows(env).process(asyncVoid),
      /^process at .*async function \(onWindow\)/,
    ],
  ])('%s, named with its place', (_, build, told) => {
    const error = refused(build)
    expect(['GRAPH_INVALID', 'OPTION_INVALID']).toContain(error.code)
    expect(error.where).toMatchObject({ job: 'wrong' })
    expect(error.message).toMatch(told)
    expect(error.message).toMatch(here)
  })

  it.each(['', '..', 'a b', 'a/b', 'x'.repeat(250)])('a topic with the name %j', (topic) => {
    for (const build of [
      (env: Environment) => env.topic(topic, json()).toTopic('out', json()),
      (env: Environment) => numbers(env).toTopic(topic, json()),
    ]) {
      const error = refused(build)
      expect(error).toMatchObject({ code: 'GRAPH_INVALID' })
      expect(error.message).toMatch(/name of a topic/)
      expect(error.message).toMatch(here)
    }
  })

  it('keyed state without keyBy is not to be had: the types have no such method', () => {
    const error = refused((env) => {
      const stream = numbers(env) as unknown as { window(assigner: unknown): unknown }
      stream.window(tumbling('1s'))
    })
    // Without the types it ends as any call of a missing method does.
    expect(error).toBeInstanceOf(TypeError)
  })

  it('an operator added after the function has returned', () => {
    let kept: Environment | undefined
    const target = job('late', (env) => {
      kept = env
      numbers(env).toTopic('out', json())
    })
    target.build()
    expect(() => kept?.topic('other', json())).toThrow(
      expect.objectContaining({
        code: 'GRAPH_INVALID',
        where: { job: 'late' },
        message: expect.stringMatching(/after.*returned/),
      }),
    )
    expect(() => kept?.topic('other', json())).toThrow(here)
  })

  it('an async function', () => {
    const error = refused(async (env) => {
      numbers(env).toTopic('out', json())
    })
    expect(error).toMatchObject({ code: 'GRAPH_INVALID', where: { job: 'wrong' } })
    expect(error.message).toMatch(/async/)
    expect(error.message).toMatch(here)
  })

  it('an async function that fails does not end the process with an unhandled rejection', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    refused(() => Promise.reject(new Error('later')))
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })

  it('streams of two jobs joined', () => {
    let foreign: ReturnType<typeof numbers> | undefined
    job('first', (env) => {
      foreign = numbers(env)
      foreign.toTopic('out', json())
    }).build()
    const error = refused((env) =>
      numbers(env)
        .union(foreign as NonNullable<typeof foreign>)
        .toTopic('out', json()),
    )
    expect(error).toMatchObject({ code: 'GRAPH_INVALID' })
    expect(error.message).toMatch(here)
  })

  it.each(['', '-x', 'a b', 'a/b', 'x'.repeat(101)])('the name %j', (name) => {
    const error = refused((env) => numbers(env).toTopic('out', json()), name)
    expect(error).toMatchObject({ code: 'GRAPH_INVALID' })
    expect(error.message).toContain('name of a job')
  })

  it('a function that throws keeps its own error', () => {
    const cause = new RangeError('no such setting')
    expect(() =>
      job('wrong', () => {
        throw cause
      }).start(),
    ).toThrow(cause)
  })
})
