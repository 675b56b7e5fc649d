import { describe, expect, it } from 'vitest'
import {
  type Collector,
  type Environment,
  job,
  json,
  mapState,
  type StreamError,
  sessions,
  tumbling,
  valueState,
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
